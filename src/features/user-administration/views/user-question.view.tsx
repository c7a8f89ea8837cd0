import type { VNode } from 'preact';
import { useTexts } from '../../../pages/views/page-props.js';
import { userAdministrationTexts } from '../user-administration-texts.js';
import { AdminLayout } from '../../../pages/views/admin/admin-layout.view.js';
import type { UserDetail } from '../users.schemas.js';
import { nameOf } from './user.view.js';

export interface UserQuestionPageProps {
  readonly user: Pick<UserDetail, 'id' | 'name' | 'email'>;
  /** The action to confirm: `delete` deletes the user, `recovery` creates a recovery code, `second-factors` resets them. */
  readonly question: 'delete' | 'recovery' | 'second-factors';
  /** Why the API refused the action, in its own words. */
  readonly refusal?: string | undefined;
}

/** `GET /admin/users/:id/delete`, `…/recovery` and `…/second-factors`: asks for confirmation. */
export function UserQuestionPage({ user, question, refusal }: UserQuestionPageProps): VNode {
  const { text } = useTexts(userAdministrationTexts);
  const path = `/admin/users/${encodeURIComponent(user.id)}`;
  return (
    <AdminLayout section="users" title={text(`userAdministration.${question}.title`)} refusal={refusal}>
      <article class="card">
        <h1>{text(`userAdministration.${question}.heading`, { name: nameOf(user) })}</h1>
        {user.email && <p>{user.email}</p>}
        <p class="lead">{text(`userAdministration.${question}.lead`)}</p>
        <div class="actions">
          <form method="post" action={`${path}/${question}`}>
            <button type="submit" class={question === 'recovery' ? undefined : 'danger'}>
              {text(`userAdministration.${question}.submit`)}
            </button>
          </form>
          <a class="button secondary" href={path}>
            {text('admin.cancel')}
          </a>
        </div>
      </article>
    </AdminLayout>
  );
}
