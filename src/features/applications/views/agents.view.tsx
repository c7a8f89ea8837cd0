import type { VNode } from 'preact';
import type { AgentItem } from '../agent.schemas.js';
import { NextPage } from '../../../pages/views/orgs/org-layout.view.js';
import { useLanguage } from '../../../pages/views/page-props.js';
import { Time } from '../../../pages/views/time.view.js';
import { ApplicationLayout } from './application-layout.view.js';
import { ApplicationUsers, type ApplicationUsersProps } from './application-users.view.js';

const path = '/admin/applications/agents';
const place = { path };

export interface AgentsPageProps {
  /** One page. */
  readonly agents: { readonly items: readonly AgentItem[]; readonly nextCursor: string | null };
  /** Whether it isn't the first page. */
  readonly isLater: boolean;
}

/** `GET /admin/applications/agents`: the clients that registered themselves. */
export function AgentsPage({ agents: { items, nextCursor }, isLater }: AgentsPageProps): VNode {
  const { text } = useLanguage();
  const title = text('agents.title');
  return (
    <ApplicationLayout place={place} title={title}>
      <article class="card sessions" aria-labelledby="agents-title">
        <h1 id="agents-title">{title}</h1>
        <p class="lead">{text('agents.lead')}</p>
        {items.length === 0 ? (
          <p>{text('agents.none')}</p>
        ) : (
          <ul>
            {items.map((agent) => (
              <li key={agent.id}>
                <div>
                  <p class="key-name">
                    <a href={`${path}/${encodeURIComponent(agent.id)}`}>{agent.name ?? agent.id}</a>{' '}
                    <span class="badge">{text(`agents.kind.${agent.kind}`)}</span>
                  </p>
                  <Details agent={agent} />
                </div>
              </li>
            ))}
          </ul>
        )}
        <NextPage href={path} isLater={isLater} nextCursor={nextCursor} />
      </article>
    </ApplicationLayout>
  );
}

export interface AgentPageProps {
  readonly agent: AgentItem;
  /** Who has allowed it; undefined if no user has. */
  readonly users?: Pick<ApplicationUsersProps, 'users' | 'isLater'> | undefined;
}

/** `GET /admin/applications/agents/:id`: a client that registered itself, and its users. */
export function AgentPage({ agent, users }: AgentPageProps): VNode {
  const { text } = useLanguage();
  const title = agent.name ?? agent.id;
  const none = { users: { items: [], nextCursor: null }, isLater: false };
  return (
    <ApplicationLayout place={place} title={title}>
      <article class="card" aria-labelledby="agent-title">
        <h1 id="agent-title">{title}</h1>
        <p>
          <span class="badge">{text(`agents.kind.${agent.kind}`)}</span>
        </p>
        <Details agent={agent} />
        <p>{text('agents.revoke')}</p>
        <p>
          <a href={path}>{text('agents.back')}</a>
        </p>
      </article>
      <ApplicationUsers {...(users ?? none)} href={`${path}/${encodeURIComponent(agent.id)}`} />
    </ApplicationLayout>
  );
}

function Details({ agent: { id, documentUrl, since, lastUsedAt } }: Pick<AgentPageProps, 'agent'>): VNode {
  const { text, rich } = useLanguage();
  return (
    <p class="details">
      {rich('apps.since', { time: () => <Time iso={since} /> })},{' '}
      {lastUsedAt === null
        ? text('apps.neverUsed')
        : rich('apps.lastUsed', { time: () => <Time iso={lastUsedAt} /> })}
      <br />
      <code>{documentUrl ?? id}</code>
    </p>
  );
}
