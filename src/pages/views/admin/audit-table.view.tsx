import type { ComponentChildren, VNode } from 'preact';
import type { z } from 'zod';
import type { auditEventSchema } from '../../../operations/audit-events/audit-event.schemas.js';
import { useLanguage, usePage } from '../page-props.js';
import { Time } from '../time.view.js';
import { DataTable } from './data-table.view.js';

export type ListedEvent = z.output<typeof auditEventSchema>;

const uuid = /^[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}$/i;

export interface AuditTableProps {
  readonly events: readonly ListedEvent[];
  /** Names of users and organisations, by id. */
  readonly names: ReadonlyMap<string, string>;
}

/** A table of events, newest first. Each event's name opens its details. */
export function AuditTable({ events, names }: AuditTableProps): VNode {
  const { text } = useLanguage();
  return (
    <DataTable
      caption={text('admin.audit')}
      rows={events}
      keyOf={({ id }) => id}
      columns={[
        { label: text('admin.audit.type'), cell: (event) => <What event={event} /> },
        { label: text('admin.audit.at'), cell: ({ at }) => <Time iso={at} /> },
        { label: text('admin.audit.by'), cell: ({ actor }) => <Actor actor={actor} names={names} /> },
        { label: text('admin.audit.on'), cell: ({ target }) => <Target target={target} names={names} /> },
      ]}
    />
  );
}

function What({ event }: { readonly event: ListedEvent }): VNode {
  const { text, find } = useLanguage();
  const { type, outcome } = event;
  return (
    <details>
      <summary>
        {find(`admin.audit.type.${type}`) ?? type}{' '}
        {outcome === 'failure' && <span class="badge error">{text('admin.audit.failed')}</span>}
      </summary>
      <EventDetails event={event} />
    </details>
  );
}

function EventDetails({ event }: { readonly event: ListedEvent }): VNode {
  const { text, find } = useLanguage();
  const { id, type, reason, actor, target, orgId, sessionId, requestId, remoteAddress, count } = event;
  const credential = actor?.credential ?? null;
  return (
    <dl>
      <Detail label={text('admin.audit.detail.type')} value={type} />
      <Detail label={text('admin.audit.detail.reason')} value={reason} />
      <Detail label={text('admin.audit.detail.actor')} value={actor?.id} filter="actor" />
      <Detail
        label={text('admin.audit.detail.credential')}
        value={credential && (find(`admin.audit.credential.${credential}`) ?? credential)}
      />
      <Detail label={text('admin.audit.detail.target')} value={target?.id} filter="target" />
      <Detail label={text('admin.audit.detail.org')} value={orgId} filter="org" />
      <Detail label={text('admin.audit.detail.session')} value={sessionId} />
      <Detail label={text('admin.audit.detail.count')} value={count?.toString()} />
      <Detail label={text('admin.audit.detail.address')} value={remoteAddress} />
      <Detail label={text('admin.audit.detail.request')} value={requestId} />
      <Detail label={text('admin.audit.detail.event')} value={id} />
    </dl>
  );
}

/** One detail of an event; nothing if it isn't known. With a filter, it links to the events with the same value. */
function Detail({
  label,
  value,
  filter,
}: {
  readonly label: string;
  readonly value: string | null | undefined;
  readonly filter?: 'actor' | 'target' | 'org';
}): VNode | null {
  if (!value) {
    return null;
  }
  const isLink = filter !== undefined && uuid.test(value);
  return (
    <div>
      <dt>{label}</dt>
      <dd>
        {isLink ? (
          <a href={`/admin/audit-events?${new URLSearchParams({ [filter]: value })}`}>{value}</a>
        ) : (
          value
        )}
      </dd>
    </div>
  );
}

function Actor({ actor, names }: Pick<ListedEvent, 'actor'> & Pick<AuditTableProps, 'names'>): VNode {
  const { language, features } = usePage();
  const { text } = language;
  if (actor?.credential === 'operator' || actor?.credential === 'system') {
    return <>{text(`admin.audit.${actor.credential}`)}</>;
  }
  return actor?.id ? (
    <Whom
      href={features.has('user-administration') ? `/admin/users/${encodeURIComponent(actor.id)}` : undefined}
      id={actor.id}
      name={names.get(actor.id)}
    >
      {text('admin.audit.kind.user')}
    </Whom>
  ) : (
    <>{text('admin.audit.nobody')}</>
  );
}

function Target({ target, names }: Pick<ListedEvent, 'target'> & Pick<AuditTableProps, 'names'>): VNode {
  const { find } = useLanguage();
  const { features } = usePage();
  if (target === null) {
    return <>–</>;
  }
  const { kind, id } = target;
  const pages: Readonly<Record<string, string>> = {
    application: '/admin/applications/',
    ...(features.has('user-administration') ? { user: '/admin/users/' } : {}),
    ...(features.has('organisations') ? { org: '/orgs/' } : {}),
  };
  // A removed application has none.
  const isKnown = kind !== 'application' || names.has(id);
  const ofKind = Object.hasOwn(pages, kind) && uuid.test(id) ? pages[kind] : undefined;
  const agents = kind === 'application' && !uuid.test(id) ? '/admin/applications/agents/' : undefined;
  const page = isKnown ? (ofKind ?? agents) : undefined;
  return (
    <Whom href={page && page + encodeURIComponent(id)} id={id} name={names.get(id)}>
      {find(`admin.audit.kind.${kind}`) ?? kind}
    </Whom>
  );
}

/** The name of a user or an object. Without a name, its kind and the end of its id: ids from the same time start alike. */
function Whom({
  href,
  id,
  name,
  children,
}: {
  readonly href: string | undefined;
  readonly id: string;
  readonly name: string | undefined;
  readonly children: ComponentChildren;
}): VNode {
  const words =
    name === undefined ? (
      <>
        {children} <span class="id">…{id.slice(-6)}</span>
      </>
    ) : (
      name
    );
  return href === undefined ? <span>{words}</span> : <a href={href}>{words}</a>;
}
