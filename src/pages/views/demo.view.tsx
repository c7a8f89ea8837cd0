import type { ComponentChildren, VNode } from 'preact';
import { Layout } from './layout.view.js';
import { usePage } from './page-props.js';

export interface DemoPageProps {
  /** The `audience` that is requested for the access token. */
  readonly audience: string;
  /** Hydra's issuer, exactly as in its tokens: `iss` in the authorization response must equal it (RFC 9207). */
  readonly issuer: string;
  /** The public client; `vestibule-spa` by default. */
  readonly clientId?: string | undefined;
}

/**
 * `GET /demo`: a single-page application that runs the code flow itself, and exchanges its access token for a session (steps
 * 6 and 7). The page is static; `demo.js` fills it in.
 */
export function DemoPage({ audience, issuer, clientId = 'vestibule-spa' }: DemoPageProps): VNode {
  const { assets } = usePage();
  return (
    <Layout title="Example app" width="wide" scripts={[{ src: assets.demoScript, module: true }]}>
      <article class="demo" id="demo" data-audience={audience} data-issuer={issuer} data-client-id={clientId}>
        <h1>Example app</h1>
        <p class="lead">
          A single-page application with its own login: it gets an access token, and trades it for a session
          cookie that every endpoint checks on its own.
        </p>
        <noscript>
          <p class="notice info">
            This example runs in your browser and needs JavaScript. The other pages don't.
          </p>
        </noscript>
        <p class="visually-hidden" role="status" id="demo-status" />
        <ol class="steps">
          <Step name="authorize" title="Log in at the provider">
            <p>
              The authorization code flow with PKCE, as the public client <code>{clientId}</code>.
            </p>
            <button type="button" data-action="authorize" hidden>
              Log in as a single-page app
            </button>
          </Step>
          <Step name="token" title="Trade the code for an access token">
            <p>
              By <code>POST /ory/hydra/oauth2/token</code>. The token stays in this page's memory.
            </p>
          </Step>
          <Step name="login" title="Trade the access token for a session">
            <p>
              By <code>POST /auth/login</code>. It is validated with the provider, and an encrypted cookie
              comes back.
            </p>
          </Step>
          <Step name="me" title="Call a protected endpoint">
            <p>
              By <code>GET /api/v1/me</code>, with nothing but the cookie.
            </p>
            <button type="button" data-action="me" class="secondary" hidden>
              Call the endpoint
            </button>
          </Step>
          <Step name="logout" title="Log out">
            <p>
              By <code>POST /auth/logout</code>. The session ends here and at the provider.
            </p>
            <button type="button" data-action="logout" class="secondary" hidden>
              Log out
            </button>
          </Step>
        </ol>
      </article>
    </Layout>
  );
}

function Step({
  name,
  title,
  children,
}: {
  readonly name: string;
  readonly title: string;
  readonly children: ComponentChildren;
}): VNode {
  return (
    <li data-step={name} data-state="waiting">
      <div class="step-title">
        <h2>{title}</h2>
        <span class="badge" data-badge hidden />
      </div>
      {children}
      <div data-output />
    </li>
  );
}
