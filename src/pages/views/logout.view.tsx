import type { VNode } from 'preact';
import { Layout } from './layout.view.js';
import { useLanguage } from './page-props.js';

export interface LogoutPageProps {
  /** Hydra's logout challenge. */
  readonly challenge: string;
}

/** Asks before an application's request logs the person out (OpenID Connect RP-Initiated Logout 1.0, section 2). */
export function LogoutPage({ challenge }: LogoutPageProps): VNode {
  const { text } = useLanguage();
  return (
    <Layout title={text('logout.title')}>
      <article class="card">
        <header>
          <h1>{text('logout.heading')}</h1>
          <p class="lead">{text('logout.lead')}</p>
        </header>
        <form class="flow" method="post" action="/auth/ory/logout">
          <input type="hidden" name="logout_challenge" value={challenge} />
          <div class="actions">
            <button type="submit" name="decision" value="logout">
              {text('site.logOut')}
            </button>
            <button type="submit" name="decision" value="stay" class="secondary">
              {text('logout.stay')}
            </button>
          </div>
        </form>
      </article>
    </Layout>
  );
}
