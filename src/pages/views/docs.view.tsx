import type { VNode } from 'preact';
import { Document } from './document.view.js';
import { usePage } from './page-props.js';

/**
 * `GET /docs`: Swagger UI from this origin's files, under a bar to log in and out. It has its own styles, because the element
 * styles of the site's stylesheet would affect Swagger UI. Swagger UI adds the page's `<h1>`.
 */
export function DocsPage(): VNode {
  const { assets, brand, user } = usePage();
  const who = user && (user.name || user.email || 'a user without a name');
  return (
    <Document
      title="API docs"
      stylesheets={[assets.swaggerStyles, assets.docsStyles]}
      scripts={[{ src: assets.swaggerScript }, { src: assets.docsScript }]}
    >
      <header class="bar">
        <a class="brand" href="/">
          <img src={assets.logo} alt="" width="28" height="28" />
          {brand.name}
        </a>
        <p class="page">API docs</p>
        <div class="who" id="who">
          <p role="status" id="who-status">
            {who ? `Logged in as ${who}` : 'Not logged in'}
          </p>
          <a id="who-login" href="/auth/login?return_to=/docs" hidden={Boolean(who)}>
            Log in
          </a>
          <button id="who-logout" type="button" hidden={!who}>
            Log out
          </button>
        </div>
      </header>
      <main>
        <noscript>
          <h1>API docs</h1>
          <p>
            This page needs JavaScript. The same document is at{' '}
            <a href="/docs/openapi.json">/docs/openapi.json</a>.
          </p>
        </noscript>
        <div id="swagger-ui" />
      </main>
    </Document>
  );
}
