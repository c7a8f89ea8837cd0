import type { VNode } from 'preact';
import type { OrgRole } from '../../../platform/database/database.schema.js';
import { useLanguage } from '../../../pages/views/page-props.js';

export interface ListedOrg {
  readonly id: string;
  readonly slug: string;
  readonly name: string;
  readonly role: OrgRole;
  /** Whether it's the session's active organisation. */
  readonly active: boolean;
}

export interface JoinableOrg {
  readonly id: string;
  readonly name: string;
  readonly domain: string | null;
  readonly joinPolicy: 'domain' | 'approval' | 'invite';
}

export interface AccountOrgsProps {
  /** One page; undefined if they can't be read now. */
  readonly orgs: { readonly items: readonly ListedOrg[]; readonly nextCursor: string | null } | undefined;
  /** Organisations that the person can join because of their e-mail domain. */
  readonly joinable: readonly JoinableOrg[];
}

/** A person's organisations, with the active one marked, and forms to switch, join or create one. */
export function AccountOrgs({ orgs, joinable }: AccountOrgsProps): VNode {
  const { text } = useLanguage();
  return (
    <article class="card sessions" aria-labelledby="orgs-title">
      <h2 id="orgs-title">{text('orgs.title')}</h2>
      <p class="lead">{text('orgs.lead')}</p>
      {orgs === undefined ? (
        <p>{text('orgs.unknown')}</p>
      ) : (
        <>
          {orgs.items.length > 0 && (
            <ul>
              {orgs.items.map((org) => (
                <OrgEntry key={org.id} org={org} />
              ))}
            </ul>
          )}
          {orgs.nextCursor !== null && (
            <p>
              <a href={`/?${new URLSearchParams({ orgs: orgs.nextCursor })}#orgs-title`}>
                {text('orgs.more')}
              </a>
            </p>
          )}
          {joinable.map((org) => (
            <JoinForm key={org.id} org={org} />
          ))}
          <p>
            <a class="button secondary" href="/orgs/new">
              {text('orgs.new.link')}
            </a>
          </p>
        </>
      )}
    </article>
  );
}

function OrgEntry({ org: { id, slug, name, role, active } }: { readonly org: ListedOrg }): VNode {
  const { text } = useLanguage();
  return (
    <li>
      <div>
        <p class="key-name">
          <a href={`/orgs/${encodeURIComponent(id)}`}>{name}</a>{' '}
          {active && <span class="badge success">{text('orgs.active')}</span>}
        </p>
        <p class="details">
          {text(`orgs.role.${role}`)}, <code>{slug}</code>
        </p>
      </div>
      {!active && (
        <form method="post" action={`/orgs/${encodeURIComponent(id)}/switch`}>
          <button type="submit" class="secondary" aria-label={text('orgs.switchNamed', { name })}>
            {text('orgs.switch')}
          </button>
        </form>
      )}
    </li>
  );
}

function JoinForm({ org: { id, name, domain, joinPolicy } }: { readonly org: JoinableOrg }): VNode {
  const { text } = useLanguage();
  const isAtOnce = joinPolicy === 'domain';
  return (
    <form method="post" action={`/orgs/${encodeURIComponent(id)}/join`} class="notice info">
      <p>{text('orgs.joinable', { name, domain: domain ?? '' })}</p>
      <button type="submit">{text(isAtOnce ? 'orgs.join' : 'orgs.ask')}</button>
    </form>
  );
}
