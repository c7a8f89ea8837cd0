import type { VNode } from 'preact';
import { Layout } from './layout.view.js';
import { useLanguage, usePage } from './page.props.js';

export interface InvitationPageProps {
  /** What the link has after `invite=`. */
  readonly invite: string;
}

/** Asks whoever is logged in before a link makes them a member of something. */
export function InvitationPage({ invite }: InvitationPageProps): VNode {
  const { user } = usePage();
  const { text } = useLanguage();
  const name = user?.email ?? user?.name;
  return (
    <Layout title={text('invites.question.title')}>
      <article class="card">
        <h1>{text('invites.question.title')}</h1>
        {name && <p>{text('common.loggedInAs', { email: name })}</p>}
        <p>{text('invites.question.lead')}</p>
        <div class="actions">
          {/* A link and no form: it leads through the login, which may be at another host. */}
          <a class="button" href={`/auth/login?${new URLSearchParams({ invite })}`}>
            {text('invites.accept')}
          </a>
          <a class="button secondary" href="/">
            {text('flow.notNow')}
          </a>
        </div>
        <p>{text('invites.question.other')}</p>
      </article>
    </Layout>
  );
}
