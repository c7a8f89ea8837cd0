import type { VNode } from 'preact';
import { Layout } from './layout.view.js';
import { LogOutButton } from './log-out.view.js';
import { usePage } from './page-props.js';

/** `GET /ui/second-factor`: that a login required a second factor, and why there is none. */
export function NoFactorPage(): VNode {
  const { language, user } = usePage();
  const { text } = language;
  return (
    <Layout title={text('noFactor.title')}>
      <article class="card">
        <header>
          <h1>{text('noFactor.title')}</h1>
          <p>{text('noFactor.lead')}</p>
        </header>
        {user !== null && <LogOutButton />}
      </article>
    </Layout>
  );
}
