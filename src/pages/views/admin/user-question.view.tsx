import type { VNode } from 'preact';
import { useLanguage } from '../page.props.js';
import { AdminLayout } from './admin-layout.view.js';
import { nameOf, type PersonDetail } from './user.view.js';

export interface UserQuestionPageProps {
  readonly user: Pick<PersonDetail, 'id' | 'name' | 'email'>;
  /** What is to be done: `delete` deletes the user, `recovery` makes a recovery code. */
  readonly question: 'delete' | 'recovery';
  /** Why it could not be done, as the API says it. */
  readonly refusal?: string | undefined;
}

/** `GET /admin/users/:id/delete` and `…/recovery`: asks before it is done. */
export function UserQuestionPage({ user, question, refusal }: UserQuestionPageProps): VNode {
  const { text } = useLanguage();
  const path = `/admin/users/${encodeURIComponent(user.id)}`;
  return (
    <AdminLayout section="users" title={text(`admin.${question}.title`)} refusal={refusal}>
      <article class="card">
        <h1>{text(`admin.${question}.heading`, { name: nameOf(user) })}</h1>
        {user.email && <p>{user.email}</p>}
        <p class="lead">{text(`admin.${question}.lead`)}</p>
        <div class="actions">
          <form method="post" action={`${path}/${question}`}>
            <button type="submit" class={question === 'delete' ? 'danger' : undefined}>
              {text(`admin.${question}.submit`)}
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
