import type { VNode } from 'preact';
import { Avatar } from './avatar.view.js';
import { DecisionButtons } from './decision-buttons.view.js';
import { Layout } from './layout.view.js';
import { useLanguage, usePage } from './page.props.js';

export interface ConsentPageProps {
  /** The OAuth client that asks. It chose its name itself when it was registered. */
  readonly client: {
    readonly id: string;
    readonly name: string | null;
    /** URL of its logo, as it was registered. */
    readonly logo: string | null;
    /** Host of the redirect URI: the one fact about the client that it can't make up. */
    readonly redirectHost?: string | null | undefined;
  };
  /** Requested scopes, as in the authorization request. */
  readonly scopes: readonly string[];
  /** Hydra's consent challenge. */
  readonly challenge: string;
  /** Whether the answer can be remembered for later logins. Default true. */
  readonly canRemember?: boolean;
}

/** Asks whether a third-party client may have the scopes that it requests (step 5 of the flow). */
export function ConsentPage({ client, scopes, challenge, canRemember = true }: ConsentPageProps): VNode {
  const { user, language } = usePage();
  const { text, rich } = language;
  return (
    <Layout title={text('consent.title')}>
      <article class="card">
        <header>
          <Avatar name={client.name || client.id} picture={client.logo} />
          <h1>
            {rich('consent.heading', {
              client: client.name || client.id,
              strong: (words) => <strong>{words}</strong>,
            })}
          </h1>
          <p class="lead">
            {user?.email ? `${text('common.loggedInAs', { email: user.email })} ` : ''}
            {client.redirectHost ? text('consent.sentOn', { host: client.redirectHost }) : ''}
          </p>
        </header>
        <form class="flow" method="post" action="/auth/ory/consent">
          <input type="hidden" name="consent_challenge" value={challenge} />
          <fieldset>
            <legend>{text('consent.scopes')}</legend>
            {[...new Set(scopes)].map((scope, index) => (
              <Scope key={scope} scope={scope} id={`scope-${index}`} />
            ))}
          </fieldset>
          {canRemember && (
            <div class="field checkbox">
              <input id="remember" name="remember" type="checkbox" value="true" />
              <label for="remember">{text('consent.remember')}</label>
            </div>
          )}
          <DecisionButtons />
        </form>
      </article>
    </Layout>
  );
}

function Scope({ scope, id }: { readonly scope: string; readonly id: string }): VNode {
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
        {find(`consent.scope.${scope}`) ?? <code>{scope}</code>}
        {isRequired && <span class="optional"> {text('consent.always')}</span>}
      </label>
    </div>
  );
}
