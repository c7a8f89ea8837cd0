import type { ComponentChildren, VNode } from 'preact';
import { Document, type PageScript } from './document.view.js';
import { useLanguage, usePage } from './page.props.js';

/** Where a visitor logs in or signs up, when that must lead to a destination of its own. */
export interface VisitorLinks {
  readonly logIn: string;
  readonly signUp: string;
}

/** What every page of the site takes beside its own content. */
export interface LayoutProps {
  readonly title: string;
  /** `narrow` is one column for a form, `wide` the full measure. */
  readonly width?: 'narrow' | 'wide' | undefined;
  readonly scripts?: readonly PageScript[] | undefined;
  /** In the header; they lead to the account page when left out. */
  readonly visitorLinks?: VisitorLinks | undefined;
  readonly children: ComponentChildren;
}

/** Header, main and footer of the site. The page brings its own single `<h1>`. */
export function Layout({
  title,
  width = 'narrow',
  scripts,
  visitorLinks = { logIn: '/auth/login', signUp: '/auth/signup' },
  children,
}: LayoutProps): VNode {
  const { assets, brand, user, language } = usePage();
  const { text } = language;
  return (
    <Document title={title} stylesheets={[assets.stylesheet]} scripts={scripts}>
      <a class="skip-link" href="#content">
        {text('site.skip')}
      </a>
      <header>
        <a class="brand" href="/">
          <img src={assets.logo} alt="" width="28" height="28" />
          {brand.name}
        </a>
        <nav aria-label={text('site.navigation')}>
          {user === null ? <VisitorNavigation {...visitorLinks} /> : <MemberLinks isAdmin={user.isAdmin} />}
        </nav>
      </header>
      <main id="content" class={width} tabIndex={-1}>
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
      <li>
        <a href={signUp}>{text('site.signUp')}</a>
      </li>
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
