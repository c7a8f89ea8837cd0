import type { VNode } from 'preact';
import { KeyList, type ListedKey } from '../../../pages/views/api-keys.view.js';
import { useTexts } from '../../../pages/views/page-props.js';
import { userAdministrationTexts } from '../user-administration-texts.js';
import {
  type ListedSession,
  OlderSessions,
  SessionEntries,
  type SessionPages,
} from '../../../pages/views/sessions.view.js';

/** A user's sessions, with a button to end each, and one to end all of them. */
export function UserSessions({
  userId,
  sessions,
  pages,
}: {
  readonly userId: string;
  readonly sessions: readonly ListedSession[];
  readonly pages: SessionPages | undefined;
}): VNode {
  const { text } = useTexts(userAdministrationTexts);
  const path = `/admin/users/${encodeURIComponent(userId)}/sessions`;
  return (
    <article class="card sessions" aria-labelledby="sessions-title">
      <h2 id="sessions-title">{text('userAdministration.user.sessions')}</h2>
      {sessions.length === 0 && pages?.isLater !== true ? (
        <p>{text('userAdministration.user.noSessions')}</p>
      ) : (
        <>
          <SessionEntries sessions={sessions} endAt={path} endsCurrent />
          <OlderSessions pages={pages} />
          <form method="post" action={`${path}/end`}>
            <button type="submit" class="secondary">
              {text('userAdministration.user.endAll')}
            </button>
          </form>
        </>
      )}
    </article>
  );
}

/** A user's API keys, with a button to revoke each. */
export function UserKeys({
  userId,
  keys,
}: {
  readonly userId: string;
  readonly keys: readonly ListedKey[];
}): VNode {
  const { text } = useTexts(userAdministrationTexts);
  return (
    <article class="card sessions" aria-labelledby="api-keys-title">
      <h2 id="api-keys-title">{text('userAdministration.user.keys')}</h2>
      {keys.length === 0 ? (
        <p>{text('userAdministration.user.noKeys')}</p>
      ) : (
        <KeyList keys={keys} revokeAt={`/admin/users/${encodeURIComponent(userId)}/api-keys`} />
      )}
    </article>
  );
}
