import type { ComponentChildren, VNode } from 'preact';
import { Document, type PageScript } from './document.view.js';
import type { PageAssets, PageUser } from './page.props.js';

/** What every page of the site takes beside its own content. */
export interface LayoutProps {
  readonly title: string;
  readonly assets: PageAssets;
  /** Absent or null for a visitor: the header then offers Log in and Sign up. */
  readonly user?: PageUser | null | undefined;
  /** Where the header's log-out form posts; `/auth/logout` by default. */
  readonly logoutAction?: string | undefined;
  /** `narrow` is one column for a form, `wide` the full measure. */
  readonly width?: 'narrow' | 'wide' | undefined;
  readonly scripts?: readonly PageScript[] | undefined;
  readonly children: ComponentChildren;
}

/** Header, main and footer of the site. The page brings its own single `<h1>`. */
export function Layout({
  title,
  assets,
  user,
  logoutAction = '/auth/logout',
  width = 'narrow',
  scripts,
  children,
}: LayoutProps): VNode {
  return (
    <Document title={title} assets={assets} stylesheets={[assets.stylesheet]} scripts={scripts}>
      <a class="skip-link" href="#content">
        Skip to content
      </a>
      <header>
        <a class="brand" href="/">
          <img src={assets.logo} alt="" width="28" height="28" />
          Vestibule
        </a>
        <nav aria-label="Site">{user ? <MemberLinks logoutAction={logoutAction} /> : <VisitorLinks />}</nav>
      </header>
      <main id="content" class={width} tabIndex={-1}>
        {children}
      </main>
      <footer>
        <p>Protected by Vestibule</p>
      </footer>
    </Document>
  );
}

function VisitorLinks(): VNode {
  return (
    <ul>
      <li>
        <a href="/auth/login">Log in</a>
      </li>
      <li>
        <a href="/auth/signup">Sign up</a>
      </li>
    </ul>
  );
}

function MemberLinks({ logoutAction }: { readonly logoutAction: string }): VNode {
  return (
    <ul>
      <li>
        <a href="/">Account</a>
      </li>
      <li>
        <a href="/docs">API docs</a>
      </li>
      <li>
        {/* A form, since logging out changes something: GET must not. */}
        <form method="post" action={logoutAction}>
          <button type="submit" class="link">
            Log out
          </button>
        </form>
      </li>
    </ul>
  );
}
