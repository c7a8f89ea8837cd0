import type { VNode } from 'preact';
import { CopyButton } from '../../pages/views/copy-field.view.js';
import { DecisionButtons } from '../../pages/views/decision-buttons.view.js';
import { Layout } from '../../pages/views/layout.view.js';
import { usePage, useTexts } from '../../pages/views/page-props.js';
import { commandLineTexts } from './command-line-texts.js';

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
  const { user } = usePage();
  const { text, rich } = useTexts(commandLineTexts);
  return (
    <Layout title={text('commandLine.title')}>
      <article class="card">
        <header>
          <h1>{rich('commandLine.heading', { device, strong: (words) => <strong>{words}</strong> })}</h1>
          <p class="lead">
            {user?.email ? `${text('common.loggedInAs', { email: user.email })} ` : ''}
            {text('commandLine.lead')}
          </p>
          <p>
            {rich('commandLine.onlyIf', { code: (words) => <code>{words}</code> })}{' '}
            {redirectHost === null
              ? text('commandLine.code')
              : text('commandLine.goesTo', { host: redirectHost })}
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
  const { text } = useTexts(commandLineTexts);
  return (
    <Layout title={text('commandLine.title')}>
      <article class="card">
        <header>
          <h1>{text(code === null ? 'commandLine.denied.title' : 'commandLine.paste.title')}</h1>
          <p class="lead">{text(code === null ? 'commandLine.denied.lead' : 'commandLine.paste.lead')}</p>
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
