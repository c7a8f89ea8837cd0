import type { VNode } from 'preact';
import { FormField, FormProblem, FormSelect } from '../../../pages/views/form-field.view.js';
import type { FormState } from '../../../pages/views/form-state.js';
import { useLanguage } from '../../../pages/views/page-props.js';
import { OrgDomain } from './org-domain.view.js';
import { OrgLayout, type OrgPageProps, orgHref } from '../../../pages/views/orgs/org-layout.view.js';

const policies = ['invite', 'approval', 'domain'] as const;
const factorScopes = ['none', 'admins', 'everyone'] as const;

export interface OrgSettingsPageProps extends OrgPageProps {
  /** The refused form, with its errors. */
  readonly form?: FormState | undefined;
  /** Whether an organisation can require a second factor here. */
  readonly hasFactorPolicy: boolean;
}

/** `GET /orgs/:id/settings`: name, short name, domain and who can join. */
export function OrgSettingsPage({ form, hasFactorPolicy, ...page }: OrgSettingsPageProps): VNode {
  const { text } = useLanguage();
  const { org, can } = page;
  return (
    <OrgLayout {...page} section="settings" isWrong={form !== undefined}>
      <article class="card" aria-labelledby="settings-title">
        <h2 id="settings-title">{text('orgs.section.settings')}</h2>
        <form method="post" action={orgHref(org, '/settings')}>
          <FormProblem form={form} />
          <FormField
            id="org-name"
            name="name"
            label={text('orgs.name')}
            maxLength={200}
            initial={org.name}
            form={form}
          />
          <FormField
            id="org-slug"
            name="slug"
            label={text('orgs.slug')}
            maxLength={40}
            initial={org.slug}
            isVerbatim
            form={form}
            hint={text('orgs.slugHint')}
          />
          <FormField
            id="org-domain"
            name="domain"
            label={text('orgs.domain')}
            maxLength={253}
            initial={org.domain ?? ''}
            isOptional
            isVerbatim
            form={form}
            hint={text('orgs.domainHint')}
          />
          <FormSelect
            id="org-join-policy"
            name="joinPolicy"
            label={text('orgs.joinPolicy')}
            initial={org.joinPolicy}
            form={form}
            options={policies.map((value) => ({ value, label: text(`orgs.joinPolicy.${value}`) }))}
          />
          {hasFactorPolicy && (
            <FormSelect
              id="org-second-factor"
              name="secondFactor"
              label={text('orgs.secondFactor')}
              initial={org.secondFactor}
              form={form}
              options={factorScopes.map((value) => ({ value, label: text(`orgs.secondFactor.${value}`) }))}
              hint={text('orgs.secondFactorHint')}
            />
          )}
          <button type="submit">{text('orgs.save')}</button>
        </form>
      </article>
      {can('org.update') && <OrgDomain org={org} />}
      {can('org.delete') && (
        <article class="card" aria-labelledby="delete-title">
          <h2 id="delete-title">{text('orgs.delete.title')}</h2>
          <p>{text('orgs.delete.lead')}</p>
          <p>
            <a class="button secondary danger" href={orgHref(org, '/delete')}>
              {text('orgs.delete.link')}
            </a>
          </p>
        </article>
      )}
    </OrgLayout>
  );
}
