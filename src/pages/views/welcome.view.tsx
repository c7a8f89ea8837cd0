import type { ComponentChildren, VNode } from 'preact';
import { Layout } from './layout.view.js';
import { Notice, type PageNotice } from './notice.view.js';
import { usePage } from './page-props.js';

export interface WelcomePageProps {
  /** True if `/demo` is served: the page then links to it. */
  readonly demo: boolean;
  /** What has just been done. */
  readonly notice?: PageNotice | undefined;
}

/** `GET /` for a visitor: what this is, with links to log in and sign up. */
export function WelcomePage({ demo, notice }: WelcomePageProps): VNode {
  const { assets, language, signUp } = usePage();
  const { text, rich } = language;
  const link = (href: string) => (words: ComponentChildren) => <a href={href}>{words}</a>;
  return (
    <Layout title={text('welcome.title')}>
      {notice && <Notice notice={notice} />}
      <article class="welcome">
        <img src={assets.logo} alt="" width="72" height="72" />
        <h1>{text('welcome.title')}</h1>
        <p class="lead">{text('welcome.lead')}</p>
        <p class="actions">
          <a class="button" href="/auth/login">
            {text('site.logIn')}
          </a>
          {signUp === 'open' && (
            <a class="button secondary" href="/auth/signup">
              {text('site.signUp')}
            </a>
          )}
        </p>
        {signUp !== 'open' && <p>{text(`signup.${signUp}`)}</p>}
        <p class="elsewhere">
          {rich(demo ? 'welcome.developers' : 'common.forDevelopers', {
            docs: link('/docs'),
            demo: link('/demo'),
          })}
        </p>
      </article>
    </Layout>
  );
}
