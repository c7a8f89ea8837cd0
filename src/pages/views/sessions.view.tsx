import type { VNode } from 'preact';
import type { PageLanguage } from '../../platform/i18n/page-language.js';
import { useLanguage } from './page-props.js';
import { Time } from './time.view.js';

export interface ListedSession {
  readonly id: string;
  readonly current: boolean;
  /** Such as `Chrome on Linux`. */
  readonly device: string;
  /** Null if it isn't known. */
  readonly browser?: string | null | undefined;
  readonly os?: string | null | undefined;
  /** IP address. */
  readonly address: string | null;
  /** Hosts of applications on which the session has a cookie too. */
  readonly hosts?: readonly string[] | undefined;
  /** ISO 8601. */
  readonly lastSeenAt: string;
}

/** The place of a page in a list of sessions. */
export interface SessionPages {
  /** Whether it isn't the first one. */
  readonly isLater: boolean;
  /** Address of the page with older sessions; undefined on the last one. */
  readonly older: string | undefined;
}

export interface SessionsProps {
  /** One page, newest first; undefined if they can't be read now. */
  readonly sessions: readonly ListedSession[] | undefined;
  readonly sessionPages?: SessionPages | undefined;
}

/** A person's sessions, with a button to end each of the others. It needs no script. */
export function Sessions({ sessions, sessionPages }: SessionsProps): VNode {
  const { text } = useLanguage();
  return (
    <article class="card sessions" aria-labelledby="sessions-title">
      <h2 id="sessions-title">{text('sessions.title')}</h2>
      {sessions === undefined ? (
        <p>{text('sessions.unknown')}</p>
      ) : (
        <SessionList sessions={sessions} pages={sessionPages} />
      )}
    </article>
  );
}

function SessionList({
  sessions,
  pages,
}: {
  readonly sessions: readonly ListedSession[];
  readonly pages: SessionPages | undefined;
}): VNode {
  const { text } = useLanguage();
  const hasOthers =
    pages?.isLater === true || pages?.older !== undefined || sessions.some(({ current }) => !current);
  return (
    <>
      <p class="lead">{text('sessions.lead')}</p>
      <SessionEntries sessions={sessions} endAt="/account/sessions" />
      <OlderSessions pages={pages} />
      {hasOthers && (
        <form method="post" action="/account/sessions/end-others">
          <button type="submit" class="secondary">
            {text('sessions.endOthers')}
          </button>
        </form>
      )}
    </>
  );
}

/** The link to the page with older sessions, if there is one. */
export function OlderSessions({ pages }: { readonly pages: SessionPages | undefined }): VNode | null {
  const { text } = useLanguage();
  return pages?.older === undefined ? null : (
    <p>
      <a href={pages.older}>{text('sessions.more')}</a>
    </p>
  );
}

export interface SessionEntriesProps {
  readonly sessions: readonly ListedSession[];
  /** Base path of the forms of each session, such as `/account/sessions`. */
  readonly endAt: string;
  /** Whether the session of this browser has a button too. */
  readonly endsCurrent?: boolean;
}

/** Sessions, each with a button to end it. */
export function SessionEntries({ sessions, endAt, endsCurrent = false }: SessionEntriesProps): VNode {
  return (
    <ul>
      {sessions.map((session, index) => (
        <SessionEntry
          key={session.id}
          session={session}
          endAt={session.current && !endsCurrent ? undefined : endAt}
          detailsId={`session-${index + 1}`}
        />
      ))}
    </ul>
  );
}

/** The name of a device in the page's language. The API's own name for it is English. */
function deviceName({ device, browser, os }: ListedSession, { text }: PageLanguage): string {
  if (browser !== null && browser !== undefined) {
    // `device` can name the machine more precisely than `os`, such as iPhone.
    const machine = device.startsWith(`${browser} on `) ? device.slice(browser.length + 4) : null;
    return machine === null ? device : text('sessions.onDevice', { browser, os: machine });
  }
  if (browser === undefined) return device;
  return os ? text('sessions.unknownApp', { os }) : text('sessions.unknownDevice');
}

function SessionEntry({
  session,
  endAt,
  detailsId,
}: {
  readonly session: ListedSession;
  /** Base path of the session's form; undefined if it has no button. */
  readonly endAt: string | undefined;
  /** Id of the details, which distinguish the buttons of sessions on the same kind of device. */
  readonly detailsId: string;
}): VNode {
  const language = useLanguage();
  const { text, rich } = language;
  const { id, current, address, hosts = [], lastSeenAt } = session;
  const device = deviceName(session, language);
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
        {hosts.length > 0 && <p class="details">{text('sessions.hosts', { hosts: hosts.join(', ') })}</p>}
      </div>
      {endAt !== undefined && (
        <form method="post" action={`${endAt}/${encodeURIComponent(id)}/end`}>
          <button
            type="submit"
            class="secondary"
            aria-label={text('sessions.endNamed', { device })}
            aria-describedby={detailsId}
          >
            {text('sessions.end')}
          </button>
        </form>
      )}
    </li>
  );
}
