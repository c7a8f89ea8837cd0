import type { VNode } from 'preact';
import { CopyButton } from '../../pages/views/copy-field.view.js';
import { DecisionButtons } from '../../pages/views/decision-buttons.view.js';
import { Layout } from '../../pages/views/layout.view.js';
import { useLanguage, usePage } from '../../pages/views/page-props.js';

export interface CommandLinePageProps {
  /** Name of the machine, as the program reports it. */
  readonly device: string;
  /** Host that the answer is sent to; null if a code is shown instead. */
  readonly redirectHost: string | null;
  /** Hidden values of the form. */
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
          <DecisionButtons />
        </form>
      </article>
    </Layout>
  );
}

export interface CommandLineCodePageProps {
  /** The code to paste; null if the login was denied. */
  readonly code: string | null;
}

/** Shows the code, or that the login was denied. */
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
