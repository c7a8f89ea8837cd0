import type { ComponentChildren, VNode } from 'preact';
import { Document, type PageScript } from './document.view.js';
import { useLanguage, usePage } from './page.props.js';

/** Where a visitor logs in or signs up, when that must lead to a destination of its own. */
export interface VisitorLinks {
  readonly logIn: string;
  /** Left out where nobody new can come. */
  readonly signUp?: string | undefined;
}

/** What every page of the site takes beside its own content. */
export interface LayoutProps {
  readonly title: string;
  /** `narrow` is one column for a form, `middle` one for a list of them, `wide` the whole width. */
  readonly width?: 'narrow' | 'middle' | 'wide' | undefined;
  /** Whether it's a way in: the page says itself whose it is. */
  readonly isDoor?: boolean | undefined;
  readonly scripts?: readonly PageScript[] | undefined;
  /** In the header; they lead to the account page when left out. None for somebody who is on the way in already. */
  readonly visitorLinks?: VisitorLinks | null | undefined;
  readonly children: ComponentChildren;
}

/** Header, main and footer of the site. The page brings its own single `<h1>`. */
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
  const { text } = useLanguage();
  return (
    <ul>
      <li>
        <a href="/">{text('site.account')}</a>
      </li>
      {isAdmin && (
        <li>
          <a href="/admin/users">{text('site.administration')}</a>
        </li>
      )}
      <li>
        <a href="/docs">{text('site.apiDocs')}</a>
      </li>
      <li>
        {/* A form, since logging out changes something: GET must not. */}
        <form method="post" action="/auth/logout">
          <button type="submit" class="link">
            {text('site.logOut')}
          </button>
        </form>
      </li>
    </ul>
  );
}
