import type { VNode } from 'preact';
import { Avatar } from './avatar.view.js';
import { Layout } from './layout.view.js';
import { useLanguage, usePage } from './page.props.js';

export interface ConsentPageProps {
  /** The OAuth client that asks; its name is whatever it registered with. */
  readonly client: {
    readonly id: string;
    readonly name: string | null;
    /** Address of its logo, as it registered it. */
    readonly logo: string | null;
    /** Host of the redirect URI: the one fact about the client that it can't make up. */
    readonly redirectHost?: string | null | undefined;
  };
  /** Requested scopes, as in the authorization request. */
  readonly scopes: readonly string[];
  /** Hydra's consent challenge. */
  readonly challenge: string;
  /** Whether the answer may hold for later logins too. Default true. */
  readonly canRemember?: boolean;
}

/** Asks whether a client that isn't ours may have what it requests (step 5 of the flow). */
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

function Scope({ scope, id }: { readonly scope: string; readonly id: string }): VNode {
  const { text, find } = useLanguage();
  // Without openid there is no login at all: to refuse it is to press Deny.
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
