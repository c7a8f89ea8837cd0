import type { VNode } from 'preact';
import type { ConnectionRefusal } from './connection-logins.js';
import { Layout } from '../../pages/views/layout.view.js';
import type { Connection } from './connection.js';
import type { ProviderRefusal } from './provider-logins.js';
import { useLanguage } from '../../pages/views/page-props.js';
import { CapsLockHint, RevealButton } from '../../pages/views/password-field.view.js';

/** A connection that a page offers by its name. */
export interface OfferedConnection {
  readonly id: string;
  readonly name: string;
}

export interface IdentifyPageProps {
  readonly challenge: string;
  /** Name of the application that the login is for, if it isn't this product. */
  readonly application: string | undefined;
  /** What was typed before, or what the application expects. */
  readonly address: string | undefined;
  /** Connections that no address leads to. */
  readonly offered: readonly OfferedConnection[];
  /** Where users log in who have an account of their own here, also with an address that leads to a connection. */
  readonly passwordUrl: string;
  /** Where new users register; undefined if sign-up is closed. */
  readonly signUpUrl: string | undefined;
}

/** `GET /ui/identify`: asks for the address first, which decides where the user logs in. */
export function IdentifyPage(props: IdentifyPageProps): VNode {
  const { challenge, application, address, offered, passwordUrl, signUpUrl } = props;
  const { text, rich } = useLanguage();
  return (
    <Layout title={text('login.title')} visitorLinks={null}>
      <article class="card">
        <header>
          <h1>{text('login.title')}</h1>
          <p class="lead">{text('connection.identify.lead')}</p>
          {application !== undefined && <p class="lead">{text('login.goesOn', { application })}</p>}
        </header>
        <form class="flow" method="post" action="/ui/identify">
          <input type="hidden" name="login_challenge" value={challenge} />
          <div class="field">
            <label for="identifier">{text('connection.identify.address')}</label>
            <input
              id="identifier"
              name="identifier"
              type="text"
              inputMode="email"
              value={address}
              required
              maxLength={320}
              autocomplete="username"
              autocapitalize="none"
              spellcheck={false}
              autofocus
            />
          </div>
          <button type="submit">{text('flow.continue')}</button>
        </form>
        {offered.map(({ id, name }) => (
          <p key={id} class="actions">
            <a class="button secondary" href={connectionPath(id, challenge)}>
              {text('connection.with', { name })}
            </a>
          </p>
        ))}
      </article>
      <p class="elsewhere">
        <a href={passwordUrl}>{text('connection.ownAccount')}</a>
      </p>
      {signUpUrl !== undefined && (
        <p class="elsewhere">{rich('login.newHere', { link: (words) => <a href={signUpUrl}>{words}</a> })}</p>
      )}
    </Layout>
  );
}

/** Why a login at a connection failed. */
export type ShownRefusal = ConnectionRefusal | ProviderRefusal;

export interface ConnectionPageProps {
  readonly challenge: string;
  readonly connection: OfferedConnection & Pick<Connection, 'by'>;
  readonly address: string | undefined;
  readonly refusal?: ShownRefusal | undefined;
}

/** `GET /ui/connections/:id`: asks for name and password at a company directory, or leads to a company's provider. */
export function ConnectionPage(props: ConnectionPageProps): VNode {
  const { challenge, connection, refusal } = props;
  const { text } = useLanguage();
  const { by, name } = connection;
  const title = text('connection.login.title', { name });
  return (
    <Layout title={refusal === undefined ? title : text('common.errorTitle', { title })} visitorLinks={null}>
      <article class="card">
        <header>
          <h1>{title}</h1>
          <p class="lead">
            {text(by === 'password' ? 'connection.login.lead' : 'connection.provider.lead', { name })}
          </p>
        </header>
        {refusal !== undefined && (
          <p class="notice error" role="alert">
            {text(`connection.refused.${refusal}`, { name })}
          </p>
        )}
        {by === 'password' ? <PasswordForm {...props} /> : <ProviderLink {...props} />}
      </article>
      <p class="elsewhere">
        <a href={`/ui/identify?${new URLSearchParams({ login_challenge: challenge })}`}>
          {text('connection.other')}
        </a>
      </p>
    </Layout>
  );
}

function ProviderLink({ challenge, connection: { id, name } }: ConnectionPageProps): VNode {
  const { text } = useLanguage();
  return (
    <p class="actions">
      <a class="button" href={providerPath(id, challenge)}>
        {text('connection.provider.continue', { name })}
      </a>
    </p>
  );
}

function PasswordForm({ challenge, connection: { id }, address }: ConnectionPageProps): VNode {
  const { text } = useLanguage();
  return (
    <form class="flow" method="post" action={`/ui/connections/${id}`}>
      <input type="hidden" name="login_challenge" value={challenge} />
      <div class="field">
        <label for="login">{text('connection.login.name')}</label>
        <input
          id="login"
          name="login"
          type="text"
          value={address}
          required
          maxLength={320}
          autocomplete="username"
          autocapitalize="none"
          spellcheck={false}
          autofocus={address === undefined}
        />
      </div>
      <div class="field password">
        <label for="password">{text('connection.login.password')}</label>
        <input
          id="password"
          name="password"
          type="password"
          required
          maxLength={1024}
          autocomplete="current-password"
          autofocus={address !== undefined}
        />
        <RevealButton of="password" />
        <CapsLockHint of="password" />
      </div>
      <button type="submit">{text('login.title')}</button>
    </form>
  );
}

/** Where a login at a connection's provider begins, for a challenge. */
export function providerPath(id: string, challenge: string): string {
  return `/auth/connections/${id}/login?${new URLSearchParams({ login_challenge: challenge })}`;
}

/** The page of a connection, for a challenge. */
export function connectionPath(id: string, challenge: string): string {
  return `/ui/connections/${id}?${new URLSearchParams({ login_challenge: challenge })}`;
}
