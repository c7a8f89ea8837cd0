import type { VNode } from 'preact';
import { CopyButton } from './copy-field.view.js';
import { Layout } from './layout.view.js';
import { useLanguage, usePage } from './page.props.js';

export interface CommandLinePageProps {
  /** The machine, as it says itself. */
  readonly device: string;
  /** Where the answer goes; null: a code is shown. */
  readonly redirectHost: string | null;
  /** What the form sends along. */
  readonly fields: Readonly<Record<string, string | undefined>>;
}

/** Asks whether a program on somebody's machine may act as them (RFC 8252 section 8.10: never without asking). */
export function CommandLinePage({ device, redirectHost, fields }: CommandLinePageProps): VNode {
  const { user, language } = usePage();
  const { text, rich } = language;
  return (
    <Layout title={text('cli.title')}>
      <article class="card">
        <header>
          <h1>{rich('cli.heading', { device, strong: (words) => <strong>{words}</strong> })}</h1>
          <p class="lead">
            {user?.email ? `${text('common.loggedInAs', { email: user.email })} ` : ''}
            {text('cli.lead')}
          </p>
          <p>
            {rich('cli.onlyIf', { code: (words) => <code>{words}</code> })}{' '}
            {redirectHost === null ? text('cli.code') : text('cli.goesTo', { host: redirectHost })}
          </p>
        </header>
        <form class="flow" method="post" action="/auth/cli">
          {Object.entries(fields).map(
            ([name, value]) =>
              value !== undefined && <input key={name} type="hidden" name={name} value={value} />,
          )}
          <div class="actions">
            <button type="submit" name="decision" value="allow">
              {text('common.allow')}
            </button>
            <button type="submit" name="decision" value="deny" class="secondary">
              {text('common.deny')}
            </button>
          </div>
        </form>
      </article>
    </Layout>
  );
}

export interface CommandLineCodePageProps {
  /** To be pasted; null: it was refused. */
  readonly code: string | null;
}

/** Shows the code, or that there is none. */
export function CommandLineCodePage({ code }: CommandLineCodePageProps): VNode {
  const { text } = useLanguage();
  return (
    <Layout title={text('cli.title')}>
      <article class="card">
        <header>
          <h1>{text(code === null ? 'cli.denied.title' : 'cli.paste.title')}</h1>
          <p class="lead">{text(code === null ? 'cli.denied.lead' : 'cli.paste.lead')}</p>
        </header>
        {code !== null && (
          <div class="copy">
            <p class="value">
              <code id="code">{code}</code>
            </p>
            <CopyButton of="code" />
          </div>
        )}
      </article>
    </Layout>
  );
}
