import type { VNode } from 'preact';
import type { AccountInvite } from '../invite.schemas.js';
import type { OrgChoice } from '../../../pages/feature-parts.js';
import { CopyField } from '../../../pages/views/copy-field.view.js';
import { FormField, FormProblem, FormSelect } from '../../../pages/views/form-field.view.js';
import type { FormState } from '../../../pages/views/form-state.js';
import { orgOptions } from '../../../pages/views/orgs/org-options.view.js';
import type { PageNotice } from '../../../pages/views/notice.view.js';
import { useLanguage, usePage } from '../../../pages/views/page-props.js';
import { Time } from '../../../pages/views/time.view.js';
import { AdminLayout } from '../../../pages/views/admin/admin-layout.view.js';

const roles = ['member', 'admin', 'owner'] as const;

export interface AdminInvitePageProps {
  /** The organisations to choose from. */
  readonly orgs: readonly OrgChoice[];
  /** The newest invitations to an account alone. */
  readonly invites: readonly AccountInvite[];
  readonly notice?: PageNotice | undefined;
  /** The refused form, with its errors. */
  readonly form?: FormState | undefined;
  /** Why the API refused it, in its own words. */
  readonly refusal?: string | undefined;
}

/** `GET /admin/invite`: a form that invites a person to an account, and to an organisation if one is chosen. */
export function AdminInvitePage({ orgs, invites, notice, form, refusal }: AdminInvitePageProps): VNode {
  const { text } = useLanguage();
  const { features } = usePage();
  return (
    <AdminLayout
      section="users"
      title={text('admin.invite.title')}
      notice={notice}
      refusal={refusal}
      isWrong={form !== undefined}
    >
      <article class="card form">
        <h1>{text('admin.invite.title')}</h1>
        <p class="lead">{text('admin.invite.lead')}</p>
        <form method="post" action="/admin/invite">
          <FormProblem form={form} />
          <FormField
            id="invite-email"
            name="email"
            type="email"
            label={text('invites.email')}
            maxLength={254}
            form={form}
          />
          {features.has('organisations') && (
            <FormSelect
              id="invite-org"
              name="org"
              label={text('admin.invite.org')}
              form={form}
              options={[{ value: '', label: text('admin.invite.noOrg') }, ...orgOptions(orgs)]}
            />
          )}
          {orgs.length > 0 && (
            <FormSelect
              id="invite-role"
              name="role"
              label={text('admin.invite.role')}
              hint={text('admin.invite.roleHint')}
              initial="member"
              form={form}
              options={roles.map((value) => ({ value, label: text(`orgs.role.${value}`) }))}
            />
          )}
          <div class="actions">
            <button type="submit">{text('invites.create')}</button>
            {features.has('user-administration') && (
              <a class="button secondary" href="/admin/users">
                {text('admin.cancel')}
              </a>
            )}
          </div>
        </form>
      </article>
      {invites.length > 0 && (
        <article class="card sessions" aria-labelledby="invites-title">
          <h2 id="invites-title">{text('admin.invite.pending')}</h2>
          <ul>
            {invites.map((invite) => (
              <InviteEntry key={invite.id} invite={invite} />
            ))}
          </ul>
        </article>
      )}
    </AdminLayout>
  );
}

function InviteEntry({ invite: { id, email, state, expiresAt } }: { readonly invite: AccountInvite }): VNode {
  const { text, rich } = useLanguage();
  const name = email ?? '';
  return (
    <li>
      <div>
        <p class="key-name">
          <strong>{name}</strong>{' '}
          <span class={state === 'open' ? 'badge success' : 'badge'}>{text(`invites.state.${state}`)}</span>
        </p>
        <p class="details">{rich('invites.ends', { time: () => <Time iso={expiresAt} /> })}</p>
      </div>
      {(state === 'open' || state === 'expired') && (
        <form method="post" action={`/admin/invite/${encodeURIComponent(id)}/revoke`}>
          <button type="submit" class="secondary danger" aria-label={text('invites.revokeNamed', { name })}>
            {text('keys.revoke')}
          </button>
        </form>
      )}
    </li>
  );
}

export interface InvitedPageProps {
  readonly email: string;
  /** Whether somebody without an account can get one by it. */
  readonly opensSignUp: boolean;
  readonly url: string;
}

/** Shows the link of an invitation that wasn't mailed. It can't be shown again. */
export function InvitedPage({ email, opensSignUp, url }: InvitedPageProps): VNode {
  const { language, features } = usePage();
  const { text } = language;
  return (
    <AdminLayout section="users" title={text('invites.created.title')}>
      <article class="card form">
        <h1>{text('invites.created.title')}</h1>
        <p class="notice info" role="status">
          {text('invites.created.forOne', { email })}
        </p>
        {!opensSignUp && <p>{text('invites.closed')}</p>}
        <CopyField id="invite-url" label={text('invites.created.label')} value={url} />
        {features.has('user-administration') && (
          <div class="actions">
            <a class="button" href="/admin/users">
              {text('admin.invite.back')}
            </a>
          </div>
        )}
      </article>
    </AdminLayout>
  );
}
