import type { ComponentChild, VNode } from 'preact';
import type { UserDetail } from '../../../accounts/admin/users.schemas.js';
import type { ListedKey } from '../api-keys.view.js';
import { Avatar } from '../avatar.view.js';
import { Entry } from '../entry.view.js';
import type { PageNotice } from '../notice.view.js';
import { useLanguage, usePage } from '../page-props.js';
import type { ListedSession } from '../sessions.view.js';
import { Time } from '../time.view.js';
import { Identities } from '../identities.view.js';
import { AdminLayout } from './admin-layout.view.js';
import { UserActions } from './user-actions.view.js';
import { UserKeys, UserSessions } from './user-access.view.js';
import { StateBadge } from './users.view.js';

export interface UserPageProps {
  readonly user: UserDetail;
  /** Whether it's the administrator's own account. */
  readonly isSelf: boolean;
  /** Whether this deployment's login provider can create recovery codes. */
  readonly canRecover: boolean;
  readonly sessions: readonly ListedSession[];
  readonly keys: readonly ListedKey[];
  /** What the user has allowed applications. */
  readonly apps: ComponentChild;
  readonly notice?: PageNotice | undefined;
  /** The name of what the notice is about. */
  readonly about?: string | undefined;
  /** Why the API refused the action, in its own words. */
  readonly refusal?: string | undefined;
}

/** A user's display name: their name, else their e-mail address, else their id. */
export function nameOf({ id, name, email }: Pick<UserDetail, 'id' | 'name' | 'email'>): string {
  return name || email || id;
}

/** `GET /admin/users/:id`. */
export function UserPage(props: UserPageProps): VNode {
  const { user, isSelf, canRecover, sessions, keys, apps, notice, about, refusal } = props;
  return (
    <AdminLayout section="users" title={nameOf(user)} notice={notice} about={about} refusal={refusal}>
      <Profile user={user} isSelf={isSelf} />
      {!isSelf && <UserActions user={user} canRecover={canRecover} />}
      <UserSessions userId={user.id} sessions={sessions} />
      <UserKeys userId={user.id} keys={keys} />
      {apps}
      <Orgs orgs={user.orgs} />
      <Identities identities={user.identities} />
    </AdminLayout>
  );
}

function Profile({ user, isSelf }: { readonly user: UserDetail; readonly isSelf: boolean }): VNode {
  const { text, rich } = useLanguage();
  const { id, email, emailVerified, role, kind, state, createdAt, lastLoginAt } = user;
  const events = (filter: string): string => `/admin/audit-events?${new URLSearchParams({ [filter]: id })}`;
  return (
    <article class="card">
      <header class="person">
        {/* Without the picture: users choose its host, which would learn who administers, from where and when. */}
        <Avatar name={nameOf(user)} picture={null} />
        <div>
          <h1>{nameOf(user)}</h1>
          {email && (
            <p>
              <span class="email">{email}</span>{' '}
              <span class={emailVerified ? 'badge success' : 'badge'}>
                {text(emailVerified ? 'account.verified' : 'account.notVerified')}
              </span>
            </p>
          )}
        </div>
      </header>
      {isSelf && (
        <p class="notice info">{rich('admin.user.you', { account: (words) => <a href="/">{words}</a> })}</p>
      )}
      <dl>
        <Entry label={text('account.userId')}>
          <code>{id}</code>
        </Entry>
        <Entry label={text('admin.users.role')}>
          {text(kind === 'service' ? 'admin.user.service' : `admin.role.${role}`)}
        </Entry>
        <Entry label={text('admin.users.state')}>
          <StateBadge state={state} />
        </Entry>
        <Entry label={text('admin.user.since')}>
          <Time iso={createdAt} />
        </Entry>
        <Entry label={text('admin.users.lastLogin')}>
          {lastLoginAt === null ? text('admin.never') : <Time iso={lastLoginAt} />}
        </Entry>
        <Entry label={text('admin.audit')}>
          <a href={events('actor')}>{text('admin.user.did')}</a>
          {' · '}
          <a href={events('target')}>{text('admin.user.befell')}</a>
        </Entry>
      </dl>
    </article>
  );
}

function Orgs({ orgs }: { readonly orgs: UserDetail['orgs'] }): VNode {
  const { text } = useLanguage();
  const { features } = usePage();
  return (
    <article class="card sessions" aria-labelledby="orgs-title">
      <h2 id="orgs-title">{text('admin.user.orgs')}</h2>
      {orgs.length === 0 ? (
        <p>{text('admin.user.noOrgs')}</p>
      ) : (
        <ul>
          {orgs.map(({ id, name, slug, role }) => (
            <li key={id}>
              <div>
                {features.has('organisations') ? (
                  <a href={`/orgs/${encodeURIComponent(id)}`}>{name}</a>
                ) : (
                  name
                )}
                <p class="details">{slug}</p>
              </div>
              <span class="badge">{text(`admin.orgRole.${role}`)}</span>
            </li>
          ))}
        </ul>
      )}
    </article>
  );
}
