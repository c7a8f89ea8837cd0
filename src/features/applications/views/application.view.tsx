import type { VNode } from 'preact';
import type { ApplicationItem } from '../application.schemas.js';
import type { DeploymentAddresses } from '../program.catalogue.js';
import { FormSelect } from '../../../pages/views/form-field.view.js';
import type { FormState } from '../../../pages/views/form-state.js';
import type { PageNotice } from '../../../pages/views/notice.view.js';
import { usePage, useTexts } from '../../../pages/views/page-props.js';
import { applicationTexts } from '../application-texts.js';
import { Time } from '../../../pages/views/time.view.js';
import { ApplicationForm, accessOf, accessText } from './application-form.view.js';
import {
  ApplicationLayout,
  type ApplicationsPlace,
  Title,
  applicationHref,
} from './application-layout.view.js';
import { ApplicationUsers, type ApplicationUsersProps } from './application-users.view.js';
import { WhatToCopy } from './what-to-copy.view.js';

/** For how many seconds a previous secret may be kept. */
const overlaps = ['0', '3600', '86400', '604800', '2592000'] as const;

export interface ApplicationPageProps {
  readonly place: ApplicationsPlace;
  readonly application: ApplicationItem;
  readonly addresses: DeploymentAddresses;
  /** Name of its organisation, in the administration. */
  readonly orgName: string | undefined;
  /** The same each time the form for a new secret is sent, so that it makes one. */
  readonly formId: string;
  /** The values of the form, if it wasn't sent yet. */
  readonly initial: FormState['values'];
  /** Scopes of the protected resources; empty if there are none. */
  readonly resourceScopes: readonly string[];
  /** The refused form, with its errors. */
  readonly form?: FormState | undefined;
  /** Who has logged in to it, in the administration; undefined for a machine, and where they can't be read now. */
  readonly users?: Pick<ApplicationUsersProps, 'users' | 'isLater'> | undefined;
  readonly notice?: PageNotice | undefined;
}

/** `GET …/applications/:id`: what it is, what to copy into the other program, and the forms that change it. */
export function ApplicationPage(props: ApplicationPageProps): VNode {
  const { place, application, addresses, form, users, notice } = props;
  const { text } = useTexts(applicationTexts);
  const { name, firstParty } = application;
  // An organisation's owners may not change what users aren't asked about.
  const canChange = place.org === undefined || !firstParty;
  return (
    <ApplicationLayout place={place} title={name} notice={notice} isWrong={form !== undefined}>
      <Facts {...props} />
      <WhatToCopy application={application} addresses={addresses} />
      {users && <ApplicationUsers {...users} href={applicationHref(place, application.id)} />}
      {canChange ? <Changes {...props} /> : <p class="notice info">{text('applications.adminsOnly')}</p>}
    </ApplicationLayout>
  );
}

function Facts({ place, application, orgName }: ApplicationPageProps): VNode {
  const { text } = useTexts(applicationTexts);
  const { features } = usePage();
  const { name, kind, firstParty, orgId, redirectUris, scope, createdAt } = application;
  return (
    <article class="card" aria-labelledby="application-title">
      <Title place={place} id="application-title">
        {name}
      </Title>
      <p>
        <span class="badge">{text(`applications.kind.${kind}`)}</span>{' '}
        {firstParty && <span class="badge success">{text('applications.firstParty')}</span>}
      </p>
      <dl>
        {orgName !== undefined && (
          <div>
            <dt>{text('applications.org')}</dt>
            <dd>
              {features.has('organisations') ? (
                <a href={`/orgs/${encodeURIComponent(orgId ?? '')}`}>{orgName}</a>
              ) : (
                orgName
              )}
            </dd>
          </div>
        )}
        {kind !== 'machine' && (
          <>
            <div>
              <dt>{text('applications.access')}</dt>
              <dd>{accessText(accessOf(application), orgId !== null, text)}</dd>
            </div>
            <div>
              <dt>{text('applications.redirectUris')}</dt>
              <dd>
                {redirectUris.map((uri) => (
                  <div key={uri}>
                    <code>{uri}</code>
                  </div>
                ))}
              </dd>
            </div>
          </>
        )}
        <div>
          <dt>{text('applications.scopes')}</dt>
          <dd>
            <code>{scope === '' ? '–' : scope}</code>
          </dd>
        </div>
        <div>
          <dt>{text('applications.registered')}</dt>
          <dd>
            <Time iso={createdAt} />
          </dd>
        </div>
      </dl>
    </article>
  );
}

function Changes({ place, application, formId, initial, resourceScopes, form }: ApplicationPageProps): VNode {
  const { text } = useTexts(applicationTexts);
  const { id, kind, tokenEndpointAuthMethod } = application;
  return (
    <>
      <article class="card form" aria-labelledby="change-title">
        <h2 id="change-title">{text('applications.change')}</h2>
        <details open={form !== undefined}>
          <summary>{text('applications.changeOpen')}</summary>
          <ApplicationForm
            place={place}
            application={application}
            initial={initial}
            resourceScopes={resourceScopes}
            form={form}
          />
        </details>
      </article>
      {tokenEndpointAuthMethod !== 'none' && tokenEndpointAuthMethod !== 'private_key_jwt' && (
        <Rotation place={place} application={application} formId={formId} />
      )}
      <article class="card" aria-labelledby="remove-title">
        <h2 id="remove-title">{text('applications.remove.title')}</h2>
        <p>{text(kind === 'machine' ? 'applications.remove.leadMachine' : 'applications.remove.lead')}</p>
        <p>
          <a class="button secondary danger" href={applicationHref(place, id, '/remove')}>
            {text('applications.remove.confirm')}
          </a>
        </p>
      </article>
    </>
  );
}

function Rotation({
  place,
  application: { id, previousSecretUntil },
  formId,
}: {
  readonly place: ApplicationsPlace;
  readonly application: ApplicationItem;
  readonly formId: string;
}): VNode {
  const { text, rich } = useTexts(applicationTexts);
  return (
    <article class="card form" aria-labelledby="rotate-title">
      <h2 id="rotate-title">{text('applications.rotate.title')}</h2>
      <p class="lead">{text('applications.rotate.lead')}</p>
      {previousSecretUntil !== null && (
        <p class="notice info">
          {rich('applications.previous.until', { time: () => <Time iso={previousSecretUntil} /> })}{' '}
          {text('applications.rotate.endsPrevious')}
        </p>
      )}
      <form method="post" action={applicationHref(place, id, '/secret')} data-once>
        <input type="hidden" name="formId" value={formId} />
        <FormSelect
          id="application-keep"
          name="keep"
          label={text('applications.rotate.keep')}
          initial="86400"
          options={overlaps.map((value) => ({ value, label: text(`applications.rotate.keep.${value}`) }))}
        />
        <button type="submit" class="secondary">
          {text(
            previousSecretUntil === null ? 'applications.rotate.submit' : 'applications.rotate.submitEnding',
          )}
        </button>
      </form>
    </article>
  );
}
