import type { VNode } from 'preact';
import { Layout } from './layout.view.js';
import type { PageAssets, PageUser } from './page.props.js';

export interface ConsentPageProps {
  readonly assets: PageAssets;
  readonly user?: PageUser | null | undefined;
  /** The OAuth client that asks; its name is whatever it registered with. */
  readonly client: {
    readonly id: string;
    readonly name: string | null;
    /** Host of the redirect URI: the one fact about the client that it can't make up. */
    readonly redirectHost?: string | null | undefined;
  };
  /** Requested scopes, as in the authorization request. */
  readonly scopes: readonly string[];
  /** Hydra's consent challenge. */
  readonly challenge: string;
}

const SCOPE_WORDS: ReadonlyMap<string, string> = new Map([
  ['openid', 'Know that it is you (your user id)'],
  ['profile', 'See your name and picture'],
  ['email', 'See your e-mail address'],
  ['phone', 'See your phone number'],
  ['address', 'See your postal address'],
  ['offline_access', "Keep this access while you aren't using it"],
  ['offline', "Keep this access while you aren't using it"],
]);

/** Asks whether a client that isn't ours may have what it requests (step 5 of the flow). */
export function ConsentPage({ assets, user, client, scopes, challenge }: ConsentPageProps): VNode {
  const name = client.name || client.id;
  return (
    <Layout title="Allow access" assets={assets} user={user}>
      <article class="card">
        <header>
          <h1>
            Allow <strong>{name}</strong> to use your account?
          </h1>
          <p class="lead">
            {user?.email ? `You are logged in as ${user.email}. ` : ''}
            {client.redirectHost ? `You will be sent on to ${client.redirectHost}.` : ''}
          </p>
        </header>
        <form class="flow" method="post" action="/auth/ory/consent">
          <input type="hidden" name="consent_challenge" value={challenge} />
          <fieldset>
            <legend>It would be able to:</legend>
            {[...new Set(scopes)].map((scope, index) => (
              <Scope key={scope} scope={scope} id={`scope-${index}`} />
            ))}
          </fieldset>
          <div class="field checkbox">
            <input id="remember" name="remember" type="checkbox" value="true" />
            <label for="remember">Remember this, and don't ask again</label>
          </div>
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

function Scope({ scope, id }: { readonly scope: string; readonly id: string }): VNode {
  const words = SCOPE_WORDS.get(scope);
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
        {words ?? <code>{scope}</code>}
        {isRequired && <span class="optional"> (always included)</span>}
      </label>
    </div>
  );
}
