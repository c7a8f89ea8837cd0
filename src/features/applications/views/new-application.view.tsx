import type { VNode } from 'preact';
import { applicationSchema } from '../application.schemas.js';
import type { OrgChoice } from '../../../pages/feature-parts.js';
import {
  FormCheck,
  FormField,
  FormLines,
  FormProblem,
  FormSelect,
} from '../../../pages/views/form-field.view.js';
import type { FormState } from '../../../pages/views/form-state.js';
import { orgOptions } from '../../../pages/views/orgs/org-options.view.js';
import { usePage, useTexts } from '../../../pages/views/page-props.js';
import { applicationTexts } from '../application-texts.js';
import { accessText, orgAccesses } from './application-form.view.js';
import { ApplicationLayout, type ApplicationsPlace, Title } from './application-layout.view.js';

export interface NewApplicationPageProps {
  readonly place: ApplicationsPlace;
  /** The organisations that an administrator may choose from. */
  readonly orgs: readonly OrgChoice[];
  /** The same each time this form is sent, so that it registers one application. */
  readonly formId: string;
  /** The refused form, with its errors. */
  readonly form?: FormState | undefined;
}

/** `GET …/applications/new`: registers an application. Its own page has the rest of what can be set. */
export function NewApplicationPage({ place, orgs, formId, form }: NewApplicationPageProps): VNode {
  const { features } = usePage();
  const { text } = useTexts(applicationTexts);
  const title = text('applications.new');
  // Only administrators register programs that call the API for themselves.
  const kinds = applicationSchema.shape.kind.options.filter(
    (kind) => place.org === undefined || kind !== 'machine',
  );
  const ownLead = orgs.length > 0 ? 'applications.newLead' : 'applications.newLeadOwn';
  const lead = place.org === undefined ? ownLead : 'applications.newLeadOrg';
  return (
    <ApplicationLayout place={place} title={title} isWrong={form !== undefined}>
      <article class="card form" aria-labelledby="new-application-title">
        <Title place={place} id="new-application-title">
          {title}
        </Title>
        <p class="lead">{text(lead)}</p>
        <form method="post" action={place.path} data-once>
          <FormProblem form={form} />
          <input type="hidden" name="formId" value={formId} />
          <FormField
            id="application-name"
            name="name"
            label={text('applications.name')}
            hint={text('applications.nameHint')}
            maxLength={80}
            form={form}
          />
          <FormSelect
            id="application-kind"
            name="kind"
            label={text('applications.kind')}
            initial="web"
            form={form}
            options={kinds.map((kind) => ({ value: kind, label: text(`applications.kindLong.${kind}`) }))}
          />
          <FormLines
            id="application-redirects"
            name="redirectUris"
            label={text('applications.redirectUris')}
            hint={text(
              place.org === undefined ? 'applications.redirectUrisHintAll' : 'applications.redirectUrisHint',
            )}
            maxLength={40_000}
            rows={3}
            form={form}
          />
          {place.org === undefined && features.has('device-login') && (
            <FormCheck
              id="application-device-login"
              name="deviceLogin"
              label={text('applications.deviceLogin')}
              hint={text('applications.deviceLoginHint')}
              form={form}
            />
          )}
          {place.org === undefined && (
            <FormField
              id="application-scope"
              name="scope"
              label={text('applications.machineScopes')}
              hint={text('applications.machineScopesHint')}
              maxLength={2000}
              isOptional
              isVerbatim
              form={form}
            />
          )}
          {place.org === undefined && orgs.length > 0 && (
            <FormSelect
              id="application-org"
              name="orgId"
              label={text('applications.org')}
              initial=""
              form={form}
              options={[{ value: '', label: text('applications.noOrg') }, ...orgOptions(orgs)]}
            />
          )}
          {place.org !== undefined && (
            <FormSelect
              id="application-access"
              name="access"
              label={text('applications.access')}
              initial="organisation"
              form={form}
              options={orgAccesses.map((value) => ({ value, label: accessText(value, true, text) }))}
            />
          )}
          <div class="actions">
            <button type="submit">{text('applications.register')}</button>
            <a class="button secondary" href={place.path}>
              {text('admin.cancel')}
            </a>
          </div>
        </form>
      </article>
    </ApplicationLayout>
  );
}
