import type { VNode } from 'preact';
import { ApiKeys, type ListedKey } from './api-keys.view.js';
import { Avatar } from './avatar.view.js';
import { Layout } from './layout.view.js';
import type { PageAssets, PageUser } from './page.props.js';
import { type AccountNotice, type ListedSession, Notice, Sessions } from './sessions.view.js';
import { Time } from './time.view.js';

export interface AccountPageProps {
  readonly assets: PageAssets;
  readonly user: PageUser & {
    /** Local id, the token's `sub`. */
    readonly id: string;
    readonly emailVerified: boolean;
    readonly picture: string | null;
  };
  /** Times are ISO 8601. */
  readonly session: { readonly id: string; readonly createdAt: string; readonly expiresAt: string };
  /** `ory` has self-service pages here; with `auth0` and `oidc` the provider keeps the account's settings. */
  readonly provider: 'ory' | 'auth0' | 'oidc';
  /** Where else the person is logged in; undefined when it can't be read now. */
  readonly sessions: readonly ListedSession[] | undefined;
  /** Their API keys; undefined when they can't be read now. */
  readonly keys: readonly ListedKey[] | undefined;
  /** What has just been done. */
  readonly notice?: AccountNotice | undefined;
}

const PROVIDER_NAMES = { ory: 'Ory', auth0: 'Auth0', oidc: 'OpenID Connect' } as const;

/** `GET /` for somebody who is logged in. */
export function AccountPage({
  assets,
  user,
  session,
  provider,
  sessions,
  keys,
  notice,
}: AccountPageProps): VNode {
  return (
    <Layout title="Your account" assets={assets} user={user}>
      {notice && <Notice notice={notice} />}
      <article class="card">
        <header class="person">
          <Avatar name={user.name || user.email || ''} picture={user.picture} />
          <div>
            <h1>{user.name || 'Your account'}</h1>
            {user.email && (
              <p>
                <span class="email">{user.email}</span> <EmailBadge verified={user.emailVerified} />
              </p>
            )}
          </div>
        </header>
        {provider === 'ory' && user.email && !user.emailVerified && (
          <p class="notice info">
            Your e-mail address isn't verified yet. <a href="/ui/verification">Verify it now</a>
          </p>
        )}
        <dl>
          <div>
            <dt>User id</dt>
            <dd>
              <code>{user.id}</code>
            </dd>
          </div>
          <div>
            <dt>Logged in with</dt>
            <dd>{PROVIDER_NAMES[provider]}</dd>
          </div>
          <div>
            <dt>Logged in since</dt>
            <dd>
              <Time iso={session.createdAt} />
            </dd>
          </div>
          <div>
            <dt>Session ends</dt>
            <dd>
              <Time iso={session.expiresAt} />
            </dd>
          </div>
        </dl>
        <div class="actions">
          {provider === 'ory' && (
            <a class="button" href="/ui/settings">
              Settings
            </a>
          )}
          <form method="post" action="/auth/logout">
            <button type="submit" class="secondary">
              Log out
            </button>
          </form>
        </div>
      </article>
      <Sessions sessions={sessions} />
      <ApiKeys keys={keys} />
      <p class="elsewhere">
        For developers: <a href="/docs">API docs</a>
      </p>
    </Layout>
  );
}

function EmailBadge({ verified }: { readonly verified: boolean }): VNode {
  return verified ? <span class="badge success">Verified</span> : <span class="badge">Not verified</span>;
}
