import type { VNode } from 'preact';
import { type ApplicationItem, applicationSchema } from '../application.schemas.js';
import {
  FormCheck,
  FormField,
  FormLines,
  FormProblem,
  FormSelect,
} from '../../../pages/views/form-field.view.js';
import type { FormState } from '../../../pages/views/form-state.js';
import { usePage, useTexts } from '../../../pages/views/page-props.js';
import { type ApplicationText, applicationTexts } from '../application-texts.js';
import { type ApplicationsPlace, applicationHref } from './application-layout.view.js';

/** The scopes that the form offers, each with its checkbox. `openid` is always included. */
export const scopeFields = (['profile', 'email', 'roles', 'orgs', 'groups', 'offline_access'] as const).map(
  (scope) => ({
    scope,
    field: `scope_${scope}`,
  }),
);

const links = ['clientUri', 'policyUri', 'tosUri', 'logoUri'] as const;
/** Who may log in to an application of an organisation, as values of the form. */
export const orgAccesses = ['organisation', 'roles:owner,admin', 'roles:owner', 'everyone'] as const;
const longestUri = 2000;
const longestList = 40_000;

export interface ApplicationFormProps {
  readonly place: ApplicationsPlace;
  readonly application: ApplicationItem;
  /** The values as they are now, by field name. */
  readonly initial: FormState['values'];
  /** Scopes of the protected resources; empty if there are none. */
  readonly resourceScopes: readonly string[];
  /** The refused form, with its errors. */
  readonly form: FormState | undefined;
}

/** Who may log in, as one value: `everyone`, `organisation`, or `roles:` and roles. */
export function accessOf({ access, roles }: Pick<ApplicationItem, 'access' | 'roles'>): string {
  const order = ['owner', 'admin', 'member'];
  return access === 'roles'
    ? `roles:${roles.toSorted((one, other) => order.indexOf(one) - order.indexOf(other)).join(',')}`
    : access;
}

/** The form that changes an application. What only administrators may set is left out for an organisation's owners. */
export function ApplicationForm(props: ApplicationFormProps): VNode {
  const { place, application, initial, form } = props;
  const { features } = usePage();
  const { text } = useTexts(applicationTexts);
  const { id, kind } = application;
  const mayUseDevices = features.has('device-login') && (kind === 'web' || kind === 'native');
  const isAdministrator = place.org === undefined;
  const hasUsers = kind !== 'machine';
  return (
    <form method="post" action={applicationHref(place, id)}>
      <FormProblem form={form} />
      <FormField
        id="application-name"
        name="name"
        label={text('applications.name')}
        maxLength={80}
        initial={initial['name']}
        form={form}
      />
      {hasUsers && <UserFields {...props} />}
      {!hasUsers && isAdministrator && (
        <FormField
          id="application-scope"
          name="scope"
          label={text('applications.scopes')}
          hint={text('applications.scopeHint')}
          maxLength={2000}
          initial={initial['scope']}
          isOptional
          isVerbatim
          form={form}
        />
      )}
      {(kind === 'web' || kind === 'machine') && (
        <FormLines
          id="application-jwks"
          name="jwks"
          label={text('applications.jwks')}
          hint={text('applications.jwksHint')}
          maxLength={longestList}
          rows={3}
          isOptional
          initial={initial['jwks']}
          form={form}
        />
      )}
      {isAdministrator && kind === 'web' && (
        <FormSelect
          id="application-code-protection"
          name="codeProtection"
          label={text('applications.codeProtection')}
          hint={text('applications.codeProtectionHint')}
          initial={initial['codeProtection']}
          form={form}
          options={applicationSchema.shape.codeProtection.options.map((value) => ({
            value,
            label: text(`applications.codeProtection.${value}`),
          }))}
        />
      )}
      {isAdministrator && mayUseDevices && (
        <FormCheck
          id="application-device-login"
          name="deviceLogin"
          label={text('applications.deviceLogin')}
          hint={text('applications.deviceLoginHint')}
          initial={initial['deviceLogin']}
          form={form}
        />
      )}
      {isAdministrator && hasUsers && (
        <FormField
          id="application-backchannel"
          name="backchannelLogoutUri"
          label={text('applications.backchannel')}
          hint={text('applications.backchannelHint')}
          maxLength={longestUri}
          initial={initial['backchannelLogoutUri']}
          isOptional
          isVerbatim
          form={form}
        />
      )}
      {(hasUsers ? links : []).map((name) => (
        <FormField
          key={name}
          id={`application-${name}`}
          name={name}
          label={text(`applications.${name}`)}
          maxLength={longestUri}
          initial={initial[name]}
          isOptional
          isVerbatim
          form={form}
        />
      ))}
      {isAdministrator && hasUsers && (
        <FormCheck
          id="application-first-party"
          name="firstParty"
          label={text('applications.firstParty')}
          hint={text('applications.firstPartyHint')}
          initial={initial['firstParty']}
          form={form}
        />
      )}
      <button type="submit">{text('applications.save')}</button>
    </form>
  );
}

/** The fields of an application that users log in to. */
function UserFields({ application, initial, resourceScopes, form }: ApplicationFormProps): VNode {
  const { text } = useTexts(applicationTexts);
  const { orgId } = application;
  const accesses = orgId === null ? ['everyone', 'roles:admin'] : orgAccesses;
  const access = accessOf(application);
  return (
    <>
      <FormLines
        id="application-redirects"
        name="redirectUris"
        label={text('applications.redirectUris')}
        hint={text('applications.redirectUrisHint')}
        maxLength={longestList}
        rows={3}
        initial={initial['redirectUris']}
        form={form}
      />
      <FormLines
        id="application-logout-redirects"
        name="postLogoutRedirectUris"
        label={text('applications.postLogoutRedirectUris')}
        hint={text('applications.postLogoutRedirectUrisHint')}
        maxLength={longestList}
        rows={2}
        isOptional
        initial={initial['postLogoutRedirectUris']}
        form={form}
      />
      <fieldset>
        <legend>{text('applications.mayLearn')}</legend>
        {scopeFields.map(({ scope, field }) => (
          <FormCheck
            key={scope}
            id={`application-${field}`}
            name={field}
            label={text(`applications.scope.${scope}`)}
            initial={initial[field]}
            form={form}
          />
        ))}
      </fieldset>
      <FormSelect
        id="application-groups-from"
        name="groupsFrom"
        label={text('applications.groupsFrom')}
        initial={initial['groupsFrom']}
        form={form}
        options={applicationSchema.shape.groupsFrom.options
          .filter((value) => value !== 'own' || orgId !== null)
          .map((value) => ({ value, label: text(`applications.groupsFrom.${value}`) }))}
      />
      <FormLines
        id="application-group-orgs"
        name="groupOrgs"
        label={text('applications.groupOrgs')}
        hint={text('applications.groupOrgsHint')}
        maxLength={longestUri}
        rows={2}
        isOptional
        initial={initial['groupOrgs']}
        form={form}
      />
      <FormSelect
        id="application-groups-as"
        name="groupsAs"
        label={text('applications.groupsAs')}
        initial={initial['groupsAs']}
        form={form}
        options={applicationSchema.shape.groupsAs.options.map((value) => ({
          value,
          label: text(`applications.groupsAs.${value}`),
        }))}
      />
      {(resourceScopes.length > 0 || initial['resourceScope'] !== '') && (
        <FormField
          id="application-resource-scope"
          name="resourceScope"
          label={text('applications.resourceScopes')}
          hint={text('applications.resourceScopesHint', { scopes: resourceScopes.join(' ') })}
          maxLength={2000}
          initial={initial['resourceScope']}
          isOptional
          isVerbatim
          form={form}
        />
      )}
      <FormSelect
        id="application-access"
        name="access"
        label={text('applications.access')}
        initial={initial['access']}
        form={form}
        options={[...new Set([...accesses, access])].map((value) => ({
          value,
          label: accessText(value, orgId !== null, text),
        }))}
      />
      <FormCheck
        id="application-remember"
        name="rememberConsent"
        label={text('applications.rememberConsent')}
        initial={initial['rememberConsent']}
        form={form}
      />
    </>
  );
}

/** Who may log in, in words. @param hasOrg whether the application belongs to an organisation. */
export function accessText(access: string, hasOrg: boolean, text: ApplicationText): string {
  switch (access) {
    case 'everyone':
      return text('applications.access.everyone');
    case 'organisation':
      return text('applications.access.organisation');
    case 'roles:owner,admin':
      return text('applications.access.ownersAndAdmins');
    case 'roles:owner':
      return text('applications.access.owners');
    default:
      return access === 'roles:admin' && !hasOrg
        ? text('applications.access.administrators')
        : text('applications.access.roles', { roles: access.replace(/^roles:/, '').replaceAll(',', ', ') });
  }
}
