import type { VNode } from 'preact';
import { Time } from './time.view.js';

/** What can just have been done, as it's in the address of the account page. */
export const accountNotices = [
  'session_ended',
  'others_ended',
  'session_gone',
  'key_revoked',
  'key_gone',
  'invite_gone',
  'invite_refused',
  'invite_unverified',
] as const;

export type AccountNotice = (typeof accountNotices)[number];

/** Fixed texts: whoever makes somebody follow a link can't choose what the page says. */
const noticeTexts: Readonly<Record<AccountNotice, string>> = {
  session_ended: 'The session has been ended.',
  others_ended: "You're logged out everywhere else.",
  session_gone: 'That session was over already.',
  key_revoked: 'The API key has been revoked.',
  key_gone: 'That API key was revoked already.',
  invite_gone: 'That invitation can no longer be used. Please ask for a new one.',
  invite_refused: 'That invitation is for somebody else. Log in with the address that it was sent to.',
  invite_unverified: 'Please verify your e-mail address, then open the link of your invitation once more.',
};

export interface ListedSession {
  readonly id: string;
  readonly current: boolean;
  /** Such as `Chrome on Linux`. */
  readonly device: string;
  /** IP address. */
  readonly address: string | null;
  /** ISO 8601. */
  readonly lastSeenAt: string;
}

export interface SessionsProps {
  /** Newest first; undefined when they can't be read now. */
  readonly sessions: readonly ListedSession[] | undefined;
}

/** What has just been done. Screen readers say it without being asked. */
export function Notice({ notice }: { readonly notice: AccountNotice }): VNode {
  return (
    <p class="notice success" role="status">
      {noticeTexts[notice]}
    </p>
  );
}

/** Where somebody is logged in, with a button to end each session elsewhere. Plain forms: no script is needed. */
export function Sessions({ sessions }: SessionsProps): VNode {
  return (
    <article class="card sessions" aria-labelledby="sessions-title">
      <h2 id="sessions-title">Sessions</h2>
      {sessions === undefined ? (
        <p>The list of your sessions can't be shown right now. Please try again in a moment.</p>
      ) : (
        <SessionList sessions={sessions} />
      )}
    </article>
  );
}

function SessionList({ sessions }: { readonly sessions: readonly ListedSession[] }): VNode {
  const others = sessions.filter(({ current }) => !current);
  return (
    <>
      <p class="lead">Where you're logged in.</p>
      <ul>
        {sessions.map((session, index) => (
          <SessionEntry key={session.id} session={session} detailsId={`session-${index + 1}`} />
        ))}
      </ul>
      {others.length > 0 && (
        <form method="post" action="/account/sessions/end-others">
          <button type="submit" class="secondary">
            Log out everywhere else
          </button>
        </form>
      )}
    </>
  );
}

function SessionEntry({
  session: { id, current, device, address, lastSeenAt },
  detailsId,
}: {
  readonly session: ListedSession;
  /** Tells buttons of sessions on the same kind of device apart. */
  readonly detailsId: string;
}): VNode {
  return (
    <li>
      <div>
        <p class="device">
          <strong>{device}</strong> {current && <span class="badge success">This device</span>}
        </p>
        <p class="details" id={detailsId}>
          Last seen <Time iso={lastSeenAt} />
          {address !== null && ` from ${address}`}
        </p>
      </div>
      {!current && (
        <form method="post" action={`/account/sessions/${encodeURIComponent(id)}/end`}>
          <button
            type="submit"
            class="secondary"
            aria-label={`End session: ${device}`}
            aria-describedby={detailsId}
          >
            End
          </button>
        </form>
      )}
    </li>
  );
}
