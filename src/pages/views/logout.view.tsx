import type { VNode } from 'preact';
import { Layout } from './layout.view.js';
import type { PageAssets, PageUser } from './page.props.js';

export interface LogoutPageProps {
  readonly assets: PageAssets;
  readonly user?: PageUser | null | undefined;
  /** Hydra's logout challenge. */
  readonly challenge: string;
}

/** Asks before an application's request logs the person out (OpenID Connect RP-Initiated Logout 1.0, section 2). */
export function LogoutPage({ assets, user, challenge }: LogoutPageProps): VNode {
  return (
    <Layout title="Log out" assets={assets} user={user}>
      <article class="card">
        <header>
          <h1>Log out?</h1>
          <p class="lead">
            An application asks to log you out here and everywhere you are logged in with this account.
          </p>
        </header>
        <form class="flow" method="post" action="/auth/ory/logout">
          <input type="hidden" name="logout_challenge" value={challenge} />
          <div class="actions">
            <button type="submit" name="decision" value="logout">
              Log out
            </button>
            <button type="submit" name="decision" value="stay" class="secondary">
              Stay logged in
            </button>
          </div>
        </form>
      </article>
    </Layout>
  );
}
