import type { VNode } from 'preact';
import { Layout } from './layout.view.js';
import type { PageAssets, PageUser } from './page.props.js';

export interface CommandLinePageProps {
  readonly assets: PageAssets;
  readonly user: PageUser;
  /** The machine, as it says itself. */
  readonly device: string;
  /** Where the answer goes; null: a code is shown. */
  readonly redirectHost: string | null;
  /** What the form sends along. */
  readonly fields: Readonly<Record<string, string | undefined>>;
}

/** Asks whether a program on somebody's machine may act as them (RFC 8252 section 8.10: never without asking). */
export function CommandLinePage({ assets, user, device, redirectHost, fields }: CommandLinePageProps): VNode {
  return (
    <Layout title="Log in a command line" assets={assets} user={user}>
      <article class="card">
        <header>
          <h1>
            Log in the command line on <strong>{device}</strong>?
          </h1>
          <p class="lead">
            {user.email ? `You are logged in as ${user.email}. ` : ''}
            It would be able to do everything that you can do, for 30 days. You can end it before, on your
            account page.
          </p>
          <p>
            Allow this only if you have just run <code>vestibule login</code> yourself.{' '}
            {redirectHost === null
              ? 'You will get a code to paste there.'
              : `The answer goes to ${redirectHost}, a program on this machine.`}
          </p>
        </header>
        <form class="flow" method="post" action="/auth/cli">
          {Object.entries(fields).map(
            ([name, value]) =>
              value !== undefined && <input key={name} type="hidden" name={name} value={value} />,
          )}
          <div class="actions">
            <button type="submit" name="decision" value="allow">
              Allow
            </button>
            <button type="submit" name="decision" value="deny" class="secondary">
              Deny
            </button>
          </div>
        </form>
      </article>
    </Layout>
  );
}

export interface CommandLineCodePageProps {
  readonly assets: PageAssets;
  readonly user: PageUser;
  /** To be pasted; null: it was refused. */
  readonly code: string | null;
}

/** Shows the code, or that there is none. */
export function CommandLineCodePage({ assets, user, code }: CommandLineCodePageProps): VNode {
  return (
    <Layout title="Log in a command line" assets={assets} user={user}>
      <article class="card">
        <header>
          <h1>{code === null ? 'Nothing was allowed' : 'Paste this code'}</h1>
          <p class="lead">
            {code === null
              ? 'The command line is not logged in. You can close this page.'
              : 'into the terminal where you ran vestibule login, within five minutes. Give it to nobody else: whoever asks you for it wants to act as you.'}
          </p>
        </header>
        {code !== null && (
          <p>
            <code id="code">{code}</code>
          </p>
        )}
      </article>
    </Layout>
  );
}
