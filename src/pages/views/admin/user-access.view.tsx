import type { VNode } from 'preact';
import type { ListedKey } from '../api-keys.view.js';
import { useLanguage } from '../page.props.js';
import type { ListedSession } from '../sessions.view.js';
import { Time } from '../time.view.js';

/** Where a user is logged in, with a button to end each session. */
export function UserSessions({
  userId,
  sessions,
}: {
  readonly userId: string;
  readonly sessions: readonly ListedSession[];
}): VNode {
  const { text } = useLanguage();
  const path = `/admin/users/${encodeURIComponent(userId)}/sessions`;
  return (
    <article class="card sessions" aria-labelledby="sessions-title">
      <h2 id="sessions-title">{text('admin.user.sessions')}</h2>
      {sessions.length === 0 ? (
        <p>{text('admin.user.noSessions')}</p>
      ) : (
        <>
          <ul>
            {sessions.map((session, index) => (
              <Session key={session.id} path={path} session={session} detailsId={`session-${index + 1}`} />
            ))}
          </ul>
          <form method="post" action={`${path}/end`}>
            <button type="submit" class="secondary">
              {text('admin.user.endAll')}
            </button>
          </form>
        </>
      )}
    </article>
  );
}

function Session({
  path,
  session: { id, current, device, address, lastSeenAt },
  detailsId,
}: {
  readonly path: string;
  readonly session: ListedSession;
  /** Tells buttons of sessions on the same kind of device apart. */
  readonly detailsId: string;
}): VNode {
  const { text, rich } = useLanguage();
  return (
    <li>
      <div>
        <p class="device">
          <strong>{device}</strong> {current && <span class="badge success">{text('sessions.current')}</span>}
        </p>
        <p class="details" id={detailsId}>
          {rich(address === null ? 'sessions.lastSeen' : 'sessions.lastSeenFrom', {
            time: () => <Time iso={lastSeenAt} />,
            address: address ?? '',
          })}
        </p>
      </div>
      <form method="post" action={`${path}/${encodeURIComponent(id)}/end`}>
        <button
          type="submit"
          class="secondary"
          aria-label={text('sessions.endNamed', { device })}
          aria-describedby={detailsId}
        >
          {text('sessions.end')}
        </button>
      </form>
    </li>
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
  const { text } = useLanguage();
  return (
    <article class="card sessions" aria-labelledby="api-keys-title">
      <h2 id="api-keys-title">{text('admin.user.keys')}</h2>
      {keys.length === 0 ? (
        <p>{text('admin.user.noKeys')}</p>
      ) : (
        <ul>
          {keys.map((key, index) => (
            <Key key={key.id} userId={userId} entry={key} detailsId={`api-key-${index + 1}`} />
          ))}
        </ul>
      )}
    </article>
  );
}

function Key({
  userId,
  entry: { id, name, prefix, scope, expiresAt, lastUsedAt },
  detailsId,
}: {
  readonly userId: string;
  readonly entry: ListedKey;
  /** Tells buttons of keys with the same name apart. */
  readonly detailsId: string;
}): VNode {
  const { text, rich } = useLanguage();
  const action = `/admin/users/${encodeURIComponent(userId)}/api-keys/${encodeURIComponent(id)}/revoke`;
  return (
    <li>
      <div>
        <p class="key-name">
          <strong>{name}</strong>
        </p>
        <p class="details" id={detailsId}>
          {rich('keys.may', {
            prefix: () => <code>{prefix.slice(0, 12)}…</code>,
            scope: () => <code>{scope}</code>,
          })}
          <br />
          {lastUsedAt === null
            ? text('keys.neverUsed')
            : rich('keys.lastUsed', { time: () => <Time iso={lastUsedAt} /> })}
          {', '}
          {expiresAt === null
            ? text('keys.noEnd')
            : rich('keys.ends', { time: () => <Time iso={expiresAt} /> })}
        </p>
      </div>
      <form method="post" action={action}>
        <button
          type="submit"
          class="secondary"
          aria-label={text('keys.revokeNamed', { name })}
          aria-describedby={detailsId}
        >
          {text('keys.revoke')}
        </button>
      </form>
    </li>
  );
}
