import type { VNode } from 'preact';
import { Layout } from './layout.view.js';
import { LogOutButton } from './log-out.view.js';
import { useLanguage } from './page-props.js';

/** `GET /ui/verification` for a user of a connection: only the company can vouch for their address. */
export function UnverifiedPage({ email }: { readonly email: string | null }): VNode {
  const { text } = useLanguage();
  return (
    <Layout title={text('unverified.title')}>
      <article class="card">
        <header>
          <h1>{text('unverified.title')}</h1>
          <p class="lead">{email === null ? text('unverified.none') : text('unverified.lead', { email })}</p>
          <p>{text('unverified.ask')}</p>
        </header>
        <LogOutButton />
      </article>
    </Layout>
  );
}
