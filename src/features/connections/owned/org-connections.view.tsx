import type { VNode } from 'preact';
import type { ConnectionItem, ConnectionList, ConnectionReport } from './org-connection.schemas.js';
import { longestSettings } from '../../../platform/config/org-connection.parser.js';
import type { TextKey } from '../../../platform/i18n/locales/en.js';
import { type SettingField, settingFields } from './connection.form.js';
import {
  FormCheck,
  FormField,
  FormLines,
  FormProblem,
  FormSelect,
} from '../../../pages/views/form-field.view.js';
import type { FormState } from '../../../pages/views/form-state.js';
import { useLanguage } from '../../../pages/views/page-props.js';
import { Time } from '../../../pages/views/time.view.js';
import { OrgLayout, type OrgPageProps, orgHref } from '../../../pages/views/orgs/org-layout.view.js';

const longestText = 2000;
/** Fifty rules with long names of groups. */
const longestRules = 40_000;
/** Links to the form of each kind. */
const newTexts: Readonly<Record<string, TextKey>> = {
  oidc: 'connections.new.oidc',
  saml: 'connections.new.saml',
  ldap: 'connections.new.ldap',
};

export interface OrgConnectionsPageProps extends OrgPageProps {
  readonly items: readonly ConnectionItem[];
  /** Kinds that may be made. */
  readonly kinds: readonly string[];
}

/** `GET /orgs/:id/connections` */
export function OrgConnectionsPage({ items, kinds, ...props }: OrgConnectionsPageProps): VNode {
  const { text, rich } = useLanguage();
  const { org } = props;
  return (
    <OrgLayout {...props} section="connections">
      <article class="card sessions" aria-labelledby="connections-title">
        <h2 id="connections-title">{text('connections.title')}</h2>
        <p class="lead">{text('connections.lead')}</p>
        {org.domainState !== 'confirmed' && (
          <p class="notice info">
            {rich('connections.noDomain', {
              settings: (words) => <a href={orgHref(org, '/settings#org-domain')}>{words}</a>,
            })}
          </p>
        )}
        {items.length === 0 ? (
          <p>{text('connections.none')}</p>
        ) : (
          <ul>
            {items.map(({ id, name, serves }) => (
              <li key={id}>
                <div>
                  <a href={orgHref(org, `/connections/${id}`)}>{name}</a>
                  <p>
                    {serves.length === 0
                      ? text('connections.servesNone')
                      : text('connections.serves', { domains: serves.join(', ') })}
                  </p>
                </div>
              </li>
            ))}
          </ul>
        )}
        <div class="actions">
          {kinds.map((kind) => {
            const label = newTexts[kind];
            return (
              label !== undefined && (
                <a
                  key={kind}
                  class="button secondary"
                  href={orgHref(org, `/connections/new?${new URLSearchParams({ kind })}`)}
                >
                  {text(label)}
                </a>
              )
            );
          })}
        </div>
      </article>
    </OrgLayout>
  );
}

interface ConnectionFieldsProps {
  readonly props: OrgPageProps;
  readonly kind: string;
  readonly initial: FormState['values'];
  readonly form: FormState | undefined;
  readonly members: ConnectionList['members'];
  /** Whether secrets are set already. */
  readonly isKnown: boolean;
}

function ConnectionFields({
  props: { org },
  kind,
  initial,
  form,
  members,
  isKnown,
}: ConnectionFieldsProps): VNode {
  const { text } = useLanguage();
  return (
    <>
      <FormProblem form={form} />
      {form?.errors['settings'] !== undefined && (
        <p class="notice error" role="alert">
          {text(form.errors['settings'])} ({form.details?.['settings']})
        </p>
      )}
      <FormField
        id="connection-name"
        name="name"
        label={text('connections.name')}
        hint={text('connections.nameHint')}
        maxLength={80}
        initial={initial['name']}
        form={form}
      />
      {(settingFields[kind] ?? []).map((field) => (
        <Setting key={field.name} field={field} initial={initial[field.name]} form={form} isKnown={isKnown} />
      ))}
      {org.domainState === 'confirmed' && org.domain !== null && (
        <>
          <MembersNotice {...members} domain={org.domain} />
          <FormCheck
            id="connection-domain"
            name="domain"
            label={text('connections.domain', { domain: org.domain })}
            initial={initial['domain']}
            form={form}
          />
          <FormCheck
            id="connection-required"
            name="required"
            label={text('connections.required')}
            initial={initial['required']}
            form={form}
          />
        </>
      )}
      <FormLines
        id="connection-rules"
        name="roleRules"
        label={text('connections.rules')}
        hint={text('connections.rulesHint')}
        maxLength={longestRules}
        rows={3}
        isOptional
        initial={initial['roleRules']}
        form={form}
      />
    </>
  );
}

/** What a connection does to members who have an account here. */
function MembersNotice({
  withAccount,
  exempt,
  linked,
  domain,
}: ConnectionList['members'] & { readonly domain: string }): VNode | null {
  const { text } = useLanguage();
  if (withAccount === 0 && exempt === 0) {
    return null;
  }
  const outcome = linked ? 'connections.members.linked' : 'connections.members.separate';
  return (
    <div class="notice info">
      {withAccount > 0 && (
        <p>
          {text('connections.members.known', { domain, count: String(withAccount) })} {text(outcome)}
        </p>
      )}
      {exempt > 0 && <p>{text('connections.members.exempt', { count: String(exempt) })}</p>}
    </div>
  );
}

function Setting({
  field: { name, as, label, isOptional = false },
  initial,
  form,
  isKnown,
}: {
  readonly field: SettingField;
  readonly initial: string | undefined;
  readonly form: FormState | undefined;
  readonly isKnown: boolean;
}): VNode {
  const { text } = useLanguage();
  const common = { id: `connection-${name}`, name, label: text(label), initial, form };
  switch (as) {
    case 'flag':
      return <FormCheck {...common} />;
    case 'lines':
    case 'document':
      return <FormLines {...common} maxLength={longestSettings} rows={3} isOptional={isOptional} />;
    case 'secret': {
      const hint = isKnown ? text('connections.secretKept') : undefined;
      return (
        <FormField
          {...common}
          type="password"
          hint={hint}
          maxLength={1000}
          isOptional={isOptional}
          isVerbatim
        />
      );
    }
    case 'secret-method':
      return (
        <FormSelect
          {...common}
          options={[
            { value: '', label: text('connections.secretMethod.stated') },
            ...(['client_secret_basic', 'client_secret_post'] as const).map((value) => ({
              value,
              label: text(`applications.authMethod.${value}`),
            })),
          ]}
        />
      );
    case 'text':
      return <FormField {...common} maxLength={longestText} isOptional={isOptional} isVerbatim />;
  }
}

export interface NewConnectionPageProps extends OrgPageProps {
  readonly kind: string;
  readonly members: ConnectionList['members'];
  /** The same each time this form is sent, so that it makes one connection. */
  readonly formId: string;
  readonly form?: FormState | undefined;
}

/** `GET /orgs/:id/connections/new` */
export function NewConnectionPage({ kind, members, formId, form, ...props }: NewConnectionPageProps): VNode {
  const { text } = useLanguage();
  const { org } = props;
  const initial = { groups_claim: 'groups' };
  return (
    <OrgLayout {...props} section="connections" isWrong={form !== undefined}>
      <article class="card form" aria-labelledby="new-connection-title">
        <h2 id="new-connection-title">{text(newTexts[kind] ?? 'connections.title')}</h2>
        {kind === 'oidc' && <p>{text('connections.newHint')}</p>}
        <form method="post" action={orgHref(org, '/connections')} data-once>
          <input type="hidden" name="formId" value={formId} />
          <input type="hidden" name="kind" value={kind} />
          <ConnectionFields
            props={props}
            kind={kind}
            initial={initial}
            form={form}
            members={members}
            isKnown={false}
          />
          <div class="actions">
            <button type="submit">{text('connections.connect')}</button>
            <a class="button secondary" href={orgHref(org, '/connections')}>
              {text('admin.cancel')}
            </a>
          </div>
        </form>
      </article>
    </OrgLayout>
  );
}

export interface OrgConnectionPageProps extends OrgPageProps {
  readonly connection: ConnectionItem;
  readonly initial: FormState['values'];
  readonly members: ConnectionList['members'];
  readonly form?: FormState | undefined;
  /** The result of a test. */
  readonly report?: ConnectionReport | undefined;
  /** The address that the test was asked to find. */
  readonly address?: string | undefined;
}

/** `GET /orgs/:id/connections/:connectionId`, and the answer to its test. */
export function OrgConnectionPage(props: OrgConnectionPageProps): VNode {
  const { connection, initial, members, form, report, address, ...page } = props;
  const { text } = useLanguage();
  const { id, kind, name, redirectUri, logoutUri, metadataUrl, secrets } = connection;
  const path = orgHref(page.org, `/connections/${id}`);
  return (
    <OrgLayout {...page} section="connections" isWrong={form !== undefined}>
      <article class="card form" aria-labelledby="connection-title">
        <h2 id="connection-title">{name}</h2>
        {redirectUri !== null && (
          <>
            <p>{text('connections.copy')}</p>
            <dl>
              {metadataUrl !== null && (
                <>
                  <dt>{text('connections.metadataUrl')}</dt>
                  <dd>
                    <code>{metadataUrl}</code>
                  </dd>
                </>
              )}
              <dt>{text(metadataUrl === null ? 'connections.redirectUri' : 'connections.acs')}</dt>
              <dd>
                <code>{redirectUri}</code>
              </dd>
              <dt>{text(metadataUrl === null ? 'connections.backchannel' : 'connections.slo')}</dt>
              <dd>
                <code>{logoutUri}</code>
              </dd>
            </dl>
          </>
        )}
        {report !== undefined && <Report report={report} />}
        <form method="post" action={`${path}/test`}>
          {redirectUri === null && (
            <FormField
              id="connection-test-address"
              name="address"
              label={text('connections.testAddress')}
              maxLength={320}
              initial={address}
              isOptional
              isVerbatim
              form={undefined}
            />
          )}
          <button type="submit" class="secondary">
            {text('connections.test')}
          </button>
        </form>
      </article>
      <article class="card form" aria-labelledby="connection-settings-title">
        <h2 id="connection-settings-title">{text('orgs.section.settings')}</h2>
        <form method="post" action={path}>
          <ConnectionFields
            props={page}
            kind={kind}
            initial={initial}
            form={form}
            members={members}
            isKnown={secrets.length > 0}
          />
          <button type="submit">{text('connections.save')}</button>
        </form>
        <p class="elsewhere">
          <a href={`${path}/remove`}>{text('connections.remove.link')}</a>
        </p>
      </article>
    </OrgLayout>
  );
}

function Report({ report: { ok, steps, latestRefusal } }: { readonly report: ConnectionReport }): VNode {
  const { text, rich } = useLanguage();
  return (
    <section aria-labelledby="test-title">
      <h3 id="test-title">{text('connections.test.title')}</h3>
      <p class={ok ? 'notice success' : 'notice error'} role={ok ? 'status' : 'alert'}>
        {text(ok ? 'connections.test.ok' : 'connections.test.failed')}
      </p>
      <dl>
        {steps.map(({ step, target, fault, found }) => (
          <>
            <dt>{text(`connection.step.${step}`)}</dt>
            <dd>
              <code>{target}</code>{' '}
              {fault === null ? text('connections.test.done') : text(`connection.fault.${fault}`)}
              {found !== null && (
                <>
                  {' '}
                  <code>{found}</code>
                </>
              )}
            </dd>
          </>
        ))}
      </dl>
      {latestRefusal !== null && (
        <p>
          {rich('connections.test.refused', {
            time: () => <Time iso={latestRefusal.at} />,
            reason: () => <code>{latestRefusal.reason}</code>,
          })}
        </p>
      )}
    </section>
  );
}

export interface ConnectionQuestionPageProps extends OrgPageProps {
  readonly connection: Pick<ConnectionItem, 'id' | 'name'>;
}

/** `GET /orgs/:id/connections/:connectionId/remove`: asks for confirmation. */
export function ConnectionQuestionPage({
  connection: { id, name },
  ...props
}: ConnectionQuestionPageProps): VNode {
  const { text } = useLanguage();
  const path = orgHref(props.org, `/connections/${id}`);
  return (
    <OrgLayout {...props} section="connections">
      <article class="card" aria-labelledby="remove-title">
        <h2 id="remove-title">{text('connections.remove.title', { name })}</h2>
        <p class="lead">{text('connections.remove.lead')}</p>
        <div class="actions">
          <form method="post" action={`${path}/remove`}>
            <button type="submit" class="danger">
              {text('connections.remove.confirm')}
            </button>
          </form>
          <a class="button secondary" href={path}>
            {text('admin.cancel')}
          </a>
        </div>
      </article>
    </OrgLayout>
  );
}
