import type { VNode } from 'preact';
import type { OrgAnswer } from '../../../orgs/org.schemas.js';
import { CopyField } from '../copy-field.view.js';
import { FormField, FormProblem, FormSelect } from '../form-field.view.js';
import type { FormState } from '../form.state.js';
import { useLanguage } from '../page.props.js';
import { AdminLayout } from './admin-layout.view.js';

const roles = ['member', 'admin', 'owner'] as const;

export interface AdminInvitePageProps {
  /** The organisations to choose from. */
  readonly orgs: readonly Pick<OrgAnswer, 'id' | 'name'>[];
  /** The refused form, with its errors. */
  readonly form?: FormState | undefined;
}

/** `GET /admin/invite`: a form that invites a person to an organisation. */
export function AdminInvitePage({ orgs, form }: AdminInvitePageProps): VNode {
  const { text, rich } = useLanguage();
  return (
    <AdminLayout section="users" title={text('admin.invite.title')} isWrong={form !== undefined}>
      <article class="card form">
        <h1>{text('admin.invite.title')}</h1>
        <p class="lead">{text('admin.invite.lead')}</p>
        {orgs.length === 0 ? (
          <p class="notice info">
            {rich('admin.invite.noOrg', { link: (words) => <a href="/admin/orgs">{words}</a> })}
          </p>
        ) : (
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
            <FormSelect
              id="invite-org"
              name="org"
              label={text('admin.invite.org')}
              form={form}
              options={orgs.map(({ id, name }) => ({ value: id, label: name }))}
            />
            <FormSelect
              id="invite-role"
              name="role"
              label={text('admin.invite.role')}
              initial="member"
              form={form}
              options={roles.map((value) => ({ value, label: text(`orgs.role.${value}`) }))}
            />
            <div class="actions">
              <button type="submit">{text('invites.create')}</button>
              <a class="button secondary" href="/admin/users">
                {text('admin.cancel')}
              </a>
            </div>
          </form>
        )}
      </article>
    </AdminLayout>
  );
}

/** Shows the link of an invitation that wasn't mailed. It can't be shown again. */
export function InvitedPage({ email, url }: { readonly email: string; readonly url: string }): VNode {
  const { text } = useLanguage();
  return (
    <AdminLayout section="users" title={text('invites.created.title')}>
      <article class="card form">
        <h1>{text('invites.created.title')}</h1>
        <p class="notice info" role="status">
          {text('invites.created.forOne', { email })}
        </p>
        <CopyField id="invite-url" label={text('invites.created.label')} value={url} />
        <div class="actions">
          <a class="button" href="/admin/users">
            {text('admin.invite.back')}
          </a>
        </div>
      </article>
    </AdminLayout>
  );
}
