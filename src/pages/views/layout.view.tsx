import type { ComponentChildren, VNode } from 'preact';
import { Document, type PageScript } from './document.view.js';
import { administrationStart } from './admin/admin-sections.js';
import { useLanguage, usePage } from './page-props.js';

/** Links to log in and to sign up, if they must keep a destination. */
export interface VisitorLinks {
  readonly logIn: string;
  /** Left out if nobody can sign up. */
  readonly signUp?: string | undefined;
}

/** What every page of the site takes in addition to its own content. */
export interface LayoutProps {
  readonly title: string;
  /** `narrow` is one column for a form, `middle` one for a list of them, `wide` the whole width. */
  readonly width?: 'narrow' | 'middle' | 'wide' | undefined;
  /** Whether it's a page to log in or sign up, which shows the brand itself instead of in the header. */
  readonly isDoor?: boolean | undefined;
  readonly scripts?: readonly PageScript[] | undefined;
  /**
   * Links in the header. By default they lead to the account page; null leaves them out, for somebody who is logging in
   * already.
   */
  readonly visitorLinks?: VisitorLinks | null | undefined;
  readonly children: ComponentChildren;
}

/** Header, main and footer of the site. The page provides its own single `<h1>`. */
export function Layout({
  title,
  width = 'narrow',
  scripts = [],
  isDoor = false,
  visitorLinks,
  children,
}: LayoutProps): VNode {
  const { assets, brand, user, language, signUp } = usePage();
  const { text } = language;
  const signUpLink = signUp === 'open' ? '/auth/signup' : undefined;
  const links = visitorLinks === undefined ? { logIn: '/auth/login', signUp: signUpLink } : visitorLinks;
  return (
    <Document
      title={title}
      stylesheets={[assets.stylesheet]}
      scripts={[{ src: assets.pageScript }, ...scripts]}
    >
      <a class="skip-link" href="#content">
        {text('site.skip')}
      </a>
      <header>
        {!isDoor && (
          <a class="brand" href="/">
            <img src={assets.logo} alt="" width="28" height="28" />
            {brand.name}
          </a>
        )}
        {(user !== null || links !== null) && (
          <nav aria-label={text('site.navigation')}>
            {user !== null && <MemberLinks isAdmin={user.isAdmin} />}
            {user === null && links !== null && <VisitorNavigation {...links} />}
          </nav>
        )}
      </header>
      <main id="content" class={isDoor ? `${width} door` : width} tabIndex={-1}>
        {children}
      </main>
      <footer>
        <p>{text('site.footer', { product: brand.name })}</p>
      </footer>
    </Document>
  );
}

function VisitorNavigation({ logIn, signUp }: VisitorLinks): VNode {
  const { text } = useLanguage();
  return (
    <ul>
      <li>
        <a href={logIn}>{text('site.logIn')}</a>
      </li>
      {signUp !== undefined && (
        <li>
          <a href={signUp}>{text('site.signUp')}</a>
        </li>
      )}
    </ul>
  );
}

function MemberLinks({ isAdmin }: { readonly isAdmin: boolean }): VNode {
  const page = usePage();
  const { text } = page.language;
  return (
    <ul>
      <li>
        <a href="/">{text('site.account')}</a>
      </li>
      {isAdmin && (
        <li>
          <a href={administrationStart(page)}>{text('site.administration')}</a>
        </li>
      )}
      <li>
        <a href="/docs">{text('site.apiDocs')}</a>
      </li>
      <li>
        {/* A form, because logging out changes state, which GET must not do. */}
        <form method="post" action="/auth/logout">
          <button type="submit" class="link">
            {text('site.logOut')}
          </button>
        </form>
      </li>
    </ul>
  );
}
