import type { VNode } from 'preact';
import type { ApplicationUser } from '../connected-app.schemas.js';
import { NextPage } from '../../../pages/views/orgs/org-layout.view.js';
import { usePage, useTexts } from '../../../pages/views/page-props.js';
import { applicationTexts } from '../application-texts.js';
import { Time } from '../../../pages/views/time.view.js';

export interface ApplicationUsersProps {
  /** One page. */
  readonly users: { readonly items: readonly ApplicationUser[]; readonly nextCursor: string | null };
  /** Path of the application's page. */
  readonly href: string;
  /** Whether it isn't the first page. */
  readonly isLater: boolean;
}

/** Who has logged in to an application, for administrators. */
export function ApplicationUsers({
  users: { items, nextCursor },
  href,
  isLater,
}: ApplicationUsersProps): VNode {
  const { text, rich } = useTexts(applicationTexts);
  const hasPages = usePage().features.has('user-administration');
  return (
    <article class="card sessions" aria-labelledby="users-title">
      <h2 id="users-title">{text('applications.users.title')}</h2>
      {items.length === 0 ? (
        <p>{text('applications.users.none')}</p>
      ) : (
        <ul>
          {items.map(({ userId, subject, name, lastUsedAt }) => (
            <li key={subject}>
              <div>
                <p class="key-name">
                  {userId !== null && hasPages ? (
                    <a href={`/admin/users/${encodeURIComponent(userId)}`}>{name ?? userId}</a>
                  ) : (
                    (name ?? userId ?? text('applications.users.elsewhere'))
                  )}
                </p>
                <p class="details">{rich('apps.lastUsed', { time: () => <Time iso={lastUsedAt} /> })}</p>
              </div>
            </li>
          ))}
        </ul>
      )}
      <NextPage href={href} isLater={isLater} nextCursor={nextCursor} />
    </article>
  );
}
