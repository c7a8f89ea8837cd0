import type { VNode } from 'preact';
import { Layout } from './layout.view.js';
import type { PageAssets } from './page.props.js';

export interface WelcomePageProps {
  readonly assets: PageAssets;
  /** True where `/demo` is served: the page then links to it. */
  readonly demo: boolean;
}

/** `GET /` for a visitor: what this is, and the ways in. */
export function WelcomePage({ assets, demo }: WelcomePageProps): VNode {
  return (
    <Layout title="Welcome" assets={assets}>
      <article class="welcome">
        <img src={assets.logo} alt="" width="72" height="72" />
        <h1>Welcome</h1>
        <p class="lead">Log in once here, and every service behind this door knows who you are.</p>
        <p class="actions">
          <a class="button" href="/auth/login">
            Log in
          </a>
          <a class="button secondary" href="/auth/signup">
            Sign up
          </a>
        </p>
        <p class="elsewhere">
          For developers: <a href="/docs">API docs</a>
          {demo && (
            <>
              {' and an '}
              <a href="/demo">example app</a>
            </>
          )}
        </p>
      </article>
    </Layout>
  );
}
