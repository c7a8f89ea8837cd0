import type { VNode } from 'preact';
import { useLanguage } from '../page.props.js';
import { AdminLayout } from './admin-layout.view.js';
import { nameOf, type PersonDetail } from './user.view.js';

export interface DeleteUserPageProps {
  readonly user: Pick<PersonDetail, 'id' | 'name' | 'email'>;
  /** Why they could not be deleted, as the API says it. */
  readonly refusal?: string | undefined;
}

/** `GET /admin/users/:id/delete`: asks before a user is deleted. */
export function DeleteUserPage({ user, refusal }: DeleteUserPageProps): VNode {
  const { text } = useLanguage();
  const path = `/admin/users/${encodeURIComponent(user.id)}`;
  return (
    <AdminLayout section="users" title={text('admin.delete.title')} refusal={refusal}>
      <article class="card">
        <h1>{text('admin.delete.heading', { name: nameOf(user) })}</h1>
        {user.email && <p>{user.email}</p>}
        <p class="lead">{text('admin.delete.lead')}</p>
        <div class="actions">
          <form method="post" action={`${path}/delete`}>
            <button type="submit">{text('admin.delete.submit')}</button>
          </form>
          <a class="button secondary" href={path}>
            {text('admin.cancel')}
          </a>
        </div>
      </article>
    </AdminLayout>
  );
}
