import type { ComponentChildren, VNode } from 'preact';
import { Avatar } from './avatar.view.js';
import { DecisionButtons } from './decision-buttons.view.js';
import { Layout } from './layout.view.js';
import { useLanguage } from './page-props.js';

const consentLinks = ['clientUri', 'policyUri', 'tosUri'] as const;

type ConsentLink = (typeof consentLinks)[number];

export interface ConsentPageProps {
  /** The OAuth client that asks. It chose its name itself when it was registered. */
  readonly client: {
    readonly id: string;
    readonly name: string | null;
    /** URL of its logo, as it was registered. */
    readonly logo: string | null;
    /**
     * Host of the redirect URI: the one fact about the client that it can't make up; null for a program on the user's device, undefined
     * if it isn't known.
     */
    readonly redirectHost?: string | null | undefined;
    /** The organisation that it belongs to: the name that its owners chose, and the domain that it has confirmed. */
    readonly org?: { readonly name: string; readonly domain: string | null } | undefined;
    /** Pages about it, as they were registered. */
    readonly links?: Readonly<Partial<Record<ConsentLink, string | null | undefined>>> | undefined;
    /** If it registered itself: how, and the host of its metadata document. */
    readonly unverified?:
      | {
          readonly kind: 'metadata_document' | 'registration';
          readonly host: string;
        }
      | undefined;
  };
  /** The account that it wants to use, which isn't always the one of a session here: its address or name; null if it has neither. */
  readonly account: string | null;
  /** The protected resource that it wants to use. */
  readonly resource?:
    | {
        readonly name: string;
        readonly url: string;
        /** What each of its scopes permits, in the operator's words. */
        readonly scopes: ReadonlyMap<string, string>;
        /** Minutes for which a token is valid. */
        readonly minutes: number;
      }
    | undefined;
  /** Requested scopes, as in the authorization request. */
  readonly scopes: readonly string[];
  /** Hydra's consent challenge. */
  readonly challenge: string;
  /** Whether the answer can be remembered for later logins. Default true. */
  readonly canRemember?: boolean;
}

/** Asks whether a third-party client may have the scopes that it requests (step 5 of the flow). */
export function ConsentPage({
  client,
  account,
  resource,
  scopes,
  challenge,
  canRemember = true,
}: ConsentPageProps): VNode {
  const { text, rich } = useLanguage();
  const { unverified } = client;
  const strong = (words: ComponentChildren): VNode => <strong>{words}</strong>;
  return (
    <Layout title={text('consent.title')} visitorLinks={null}>
      <article class="card">
        <header>
          <Avatar name={client.name || client.id} picture={client.logo} />
          <h1>{rich('consent.heading', { client: client.name || client.id, strong })}</h1>
          <p class="lead">
            {account === null ? '' : `${text('common.loggedInAs', { email: account })} `}
            {client.redirectHost ? text('consent.sentOn', { host: client.redirectHost }) : ''}
            {client.redirectHost === null ? text('consent.sentToDevice') : ''}
            {client.org?.domain &&
              ` ${text('consent.ofOrg', { name: client.org.name, domain: client.org.domain })}`}
            {client.org?.domain === null && ` ${text('consent.ofUncheckedOrg', { name: client.org.name })}`}
          </p>
          {unverified !== undefined && (
            <p class="notice" role="note">
              {unverified.kind === 'metadata_document'
                ? rich('consent.unverified.document', { host: unverified.host, strong })
                : text('consent.unverified.registration')}
            </p>
          )}
          {resource !== undefined && (
            <p>{rich('consent.resource', { resource: resource.name, url: resource.url, strong })}</p>
          )}
          <About links={client.links ?? {}} />
        </header>
        <form class="flow" method="post" action="/auth/ory/consent">
          <input type="hidden" name="consent_challenge" value={challenge} />
          <fieldset>
            <legend>{text('consent.scopes')}</legend>
            {[...new Set(scopes)].map((scope, index) => (
              <Scope key={scope} scope={scope} words={resource?.scopes.get(scope)} id={`scope-${index}`} />
            ))}
          </fieldset>
          {resource !== undefined && (
            <p>
              {text(scopes.includes('offline_access') ? 'consent.lasts.kept' : 'consent.lasts.short', {
                minutes: resource.minutes,
              })}
            </p>
          )}
          {canRemember && (
            <div class="field checkbox">
              <input id="remember" name="remember" type="checkbox" value="true" />
              <label for="remember">{text('consent.remember')}</label>
            </div>
          )}
          <DecisionButtons />
          <p>
            <button type="submit" name="decision" value="other_account" class="link">
              {text('consent.otherAccount')}
            </button>
          </p>
        </form>
      </article>
    </Layout>
  );
}

/** Links to an application's own pages. Only web addresses: a client of Hydra's own API could have any. */
function About({
  links,
}: {
  readonly links: NonNullable<ConsentPageProps['client']['links']>;
}): VNode | null {
  const { text } = useLanguage();
  const shown = consentLinks.flatMap((name) => {
    const href = links[name];
    return href && /^https?:\/\//i.test(href) ? [{ name, href }] : [];
  });
  return shown.length === 0 ? null : (
    <nav class="about" aria-label={text('consent.links')}>
      {shown.map(({ name, href }) => (
        <a key={name} href={href} target="_blank" rel="noopener noreferrer">
          {text(`consent.${name}`)}
        </a>
      ))}
    </nav>
  );
}

interface ScopeProps {
  readonly scope: string;
  /** What it permits, where the operator states it. */
  readonly words: string | undefined;
  readonly id: string;
}

function Scope({ scope, words, id }: ScopeProps): VNode {
  const { text, find } = useLanguage();
  // Without openid there is no login at all: people who refuse it press Deny.
  const isRequired = scope === 'openid';
  return (
    <div class="field checkbox">
      {isRequired && <input type="hidden" name="grant_scope" value={scope} />}
      <input
        id={id}
        name={isRequired ? undefined : 'grant_scope'}
        type="checkbox"
        value={scope}
        checked
        disabled={isRequired}
      />
      <label for={id}>
        {words ?? find(`consent.scope.${scope}`) ?? <code>{scope}</code>}
        {isRequired && <span class="optional"> {text('consent.always')}</span>}
      </label>
    </div>
  );
}
