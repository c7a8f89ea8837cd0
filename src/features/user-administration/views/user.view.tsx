import type { ComponentChild, VNode } from 'preact';
import type { UserDetail } from '../users.schemas.js';
import type { ListedKey } from '../../../pages/views/api-keys.view.js';
import { Avatar } from '../../../pages/views/avatar.view.js';
import { Entry } from '../../../pages/views/entry.view.js';
import type { PageNotice } from '../../../pages/views/notice.view.js';
import { useTexts, usePage } from '../../../pages/views/page-props.js';
import { userAdministrationTexts } from '../user-administration-texts.js';
import type { ListedSession, SessionPages } from '../../../pages/views/sessions.view.js';
import { Time } from '../../../pages/views/time.view.js';
import { Identities } from '../../../pages/views/identities.view.js';
import { AdminLayout } from '../../../pages/views/admin/admin-layout.view.js';
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
  readonly sessionPages?: SessionPages | undefined;
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
      <UserSessions userId={user.id} sessions={sessions} pages={props.sessionPages} />
      <UserKeys userId={user.id} keys={keys} />
      {apps}
      <Orgs orgs={user.orgs} />
      <Identities identities={user.identities} />
    </AdminLayout>
  );
}

function Profile({ user, isSelf }: { readonly user: UserDetail; readonly isSelf: boolean }): VNode {
  const { text, rich } = useTexts(userAdministrationTexts);
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
        <p class="notice info">
          {rich('userAdministration.user.you', { account: (words) => <a href="/">{words}</a> })}
        </p>
      )}
      <dl>
        <Entry label={text('account.userId')}>
          <code>{id}</code>
        </Entry>
        <Entry label={text('userAdministration.users.role')}>
          {text(kind === 'service' ? 'userAdministration.user.service' : `userAdministration.role.${role}`)}
        </Entry>
        <Entry label={text('userAdministration.users.state')}>
          <StateBadge state={state} />
        </Entry>
        <Entry label={text('userAdministration.user.since')}>
          <Time iso={createdAt} />
        </Entry>
        <Entry label={text('userAdministration.users.lastLogin')}>
          {lastLoginAt === null ? text('userAdministration.never') : <Time iso={lastLoginAt} />}
        </Entry>
        <Entry label={text('admin.audit')}>
          <a href={events('actor')}>{text('userAdministration.user.did')}</a>
          {' · '}
          <a href={events('target')}>{text('userAdministration.user.befell')}</a>
        </Entry>
      </dl>
    </article>
  );
}

function Orgs({ orgs }: { readonly orgs: UserDetail['orgs'] }): VNode {
  const { text } = useTexts(userAdministrationTexts);
  const { features } = usePage();
  return (
    <article class="card sessions" aria-labelledby="orgs-title">
      <h2 id="orgs-title">{text('userAdministration.user.orgs')}</h2>
      {orgs.length === 0 ? (
        <p>{text('userAdministration.user.noOrgs')}</p>
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
              <span class="badge">{text(`userAdministration.orgRole.${role}`)}</span>
            </li>
          ))}
        </ul>
      )}
    </article>
  );
}
