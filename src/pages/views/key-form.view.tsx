import type { VNode } from 'preact';
import { administratorScopes } from '../../platform/features/scope.catalogue.js';
import { revocationsScope } from '../../session/guards/scopes.js';
import type { TextKey } from '../../platform/i18n/locales/en.js';
import { FormCheck, FormField, FormProblem, FormSelect } from './form-field.view.js';
import type { FormState } from './form-state.js';
import { usePage } from './page-props.js';

/** The lifetimes that the form offers, in days; `never` has no end. */
export const keyLives = ['30', '90', '365', 'never'] as const;

/** Name of the checkbox of a scope. */
export const scopeField = (scope: string): string => `scope_${scope.replace(':', '_')}`;

/** What a key of an organisation may do, where it isn't the same as for a user's: it acts as an account of its own. */
const orgKeyLabels: Readonly<Record<string, TextKey>> = {
  api: 'keys.orgScope.api',
  'profile:read': 'keys.orgScope.profile:read',
  'profile:write': 'keys.orgScope.profile:write',
};

/** The roles that an organisation's key can have. */
export const keyRoles = ['member', 'admin'] as const;

export interface NewKeyProps {
  readonly action: string;
  /** The refused form, with its errors. */
  readonly form?: FormState | undefined;
  /** Whether the form asks for a role, as for an organisation's key, which acts as a service account in it. */
  readonly hasRole?: boolean | undefined;
}

/** A form for a new API key, collapsed unless it has errors. */
export function NewKey({ action, form, hasRole = false }: NewKeyProps): VNode {
  const {
    language: { text, rich, find },
    scopes,
    user,
  } = usePage();
  // What only administrators may do opens nothing to anybody else, nor to a service account. The feed of ended sessions is for them, too.
  const isForAdministrator = !hasRole && user?.isAdmin === true;
  const isOffered = ([scope]: readonly [string, string]): boolean =>
    isForAdministrator || !(administratorScopes.includes(scope) || scope === revocationsScope);
  const first = hasRole ? 'orgs:read' : 'profile:read';
  return (
    <details open={form !== undefined}>
      <summary>{text('keys.new')}</summary>
      <form method="post" action={action}>
        <FormProblem form={form} />
        <FormField id="api-key-name" name="name" label={text('keys.name')} maxLength={200} form={form} />
        <fieldset>
          <legend>{text('keys.scopes')}</legend>
          {[...scopes].filter(isOffered).map(([scope, opens]) => (
            <FormCheck
              key={scope}
              id={`api-key-${scopeField(scope)}`}
              name={scopeField(scope)}
              label={find((hasRole ? orgKeyLabels[scope] : undefined) ?? `keys.scope.${scope}`) ?? opens}
              initial={scope === first ? 'on' : ''}
              form={form}
            />
          ))}
        </fieldset>
        <FormField
          id="api-key-scope"
          name="scope"
          label={text('keys.scope')}
          maxLength={2000}
          isOptional
          isVerbatim
          form={form}
          hint={rich('keys.scopeHint', { code: (words) => <code>{words}</code> })}
        />
        {hasRole && (
          <FormSelect
            id="api-key-role"
            name="role"
            label={text('keys.role')}
            initial="member"
            form={form}
            hint={text('keys.roleHint')}
            options={keyRoles.map((role) => ({ value: role, label: text(`orgs.role.${role}`) }))}
          />
        )}
        <FormSelect
          id="api-key-life"
          name="life"
          label={text('keys.endsAfter')}
          initial="90"
          form={form}
          options={keyLives.map((life) => ({ value: life, label: text(`keys.life.${life}`) }))}
        />
        <button type="submit">{text('keys.create')}</button>
      </form>
    </details>
  );
}
