import { randomBytes } from 'node:crypto';
import {
  type ClientMetadata,
  type Configuration,
  interactionPolicy,
  type KoaContextWithOIDC,
} from 'oidc-provider';
import { multiFactorPolicy } from '../../src/providers/oidc/relying-party.js';
import { type OpenIdAccount, toProviderAccount } from './openid.accounts.js';
import type { OpenIdKeys } from './openid.keys.js';
import { openIdStorage } from './openid.storage.js';

/** Which provider it looks like: Auth0 (its paths, its tokens), or any certified one (opaque access tokens). */
export type OpenIdFlavour = 'auth0' | 'plain';

/** What the settings are made from. */
export interface OpenIdSettings {
  readonly flavour: OpenIdFlavour;
  readonly issuer: string;
  readonly clients: readonly ClientMetadata[];
  /** Identifier of the API whose access tokens are asked for. */
  readonly audience: string;
  readonly accounts: ReadonlyMap<string, OpenIdAccount>;
  readonly keys: OpenIdKeys;
  readonly tellsOnlyByIdToken: boolean;
  readonly sealsAnswers: boolean;
  readonly takesPushedOnly: boolean;
}

/** Auth0's paths. */
const auth0Routes = {
  authorization: '/authorize',
  token: '/oauth/token',
  userinfo: '/userinfo',
  jwks: '/.well-known/jwks.json',
  revocation: '/oauth/revoke',
  end_session: '/oidc/logout',
};
const plainRoutes = { authorization: '/auth', token: '/token', userinfo: '/me', jwks: '/jwks' };

/** Clients whose id starts so get access tokens that live for one second. */
export const briefClientPrefix = 'brief';
const scopes = 'openid profile email';
const hour = 3600;

/** Paths of the endpoints that tests look at. */
export function routesOf(flavour: OpenIdFlavour): typeof plainRoutes {
  return flavour === 'auth0' ? auth0Routes : plainRoutes;
}

/** Settings of a provider that enforces all it can: PKCE for everybody, exact redirect URIs, one use of a code. */
export function openIdConfiguration(settings: OpenIdSettings): Configuration {
  const { flavour, issuer, accounts, audience, keys, clients } = settings;
  const policy = interactionPolicy.base();
  // Initiating User Registration via OpenID Connect 1.0: prompt=create.
  policy.add(new interactionPolicy.Prompt({ name: 'create', requestable: true }), 0);
  return {
    adapter: openIdStorage(),
    clients: [...clients],
    jwks: { keys: [keys.jwk] },
    cookies: { keys: [randomBytes(32).toString('hex')] },
    routes: flavour === 'auth0' ? auth0Routes : plainRoutes,
    scopes: ['openid', 'profile', 'email', 'offline_access'],
    claims: {
      openid: ['sub'],
      email: ['email', 'email_verified'],
      profile: ['name', 'picture', 'department', 'groups'],
    },
    acrValues: ['aal2', multiFactorPolicy],
    // Auth0 puts the profile into the ID token; others leave it to /userinfo.
    conformIdTokenClaims: flavour === 'plain' && !settings.tellsOnlyByIdToken,
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'none'],
    pkce: { required: () => true },
    discovery: { prompt_values_supported: ['none', 'login', 'consent', 'create'] },
    extraParams: ['audience', 'screen_hint', 'organization', 'connection'],
    findAccount: (_ctx, id) => {
      const account = accounts.get(id);
      return account === undefined ? undefined : toProviderAccount(account);
    },
    loadExistingGrant: grantEverything,
    // As some do without being asked for offline_access.
    issueRefreshToken: async (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    rotateRefreshToken: true,
    interactions: { policy, url: (_ctx, { uid }) => `/interaction/${uid}` },
    ttl: {
      AccessToken: (_ctx, _token, client) => (client.clientId.startsWith(briefClientPrefix) ? 1 : hour),
      ClientCredentials: hour,
      Grant: hour,
      IdToken: hour,
      RefreshToken: hour,
      Interaction: hour,
      Session: hour,
    },
    features: {
      devInteractions: { enabled: false },
      userinfo: { enabled: !settings.tellsOnlyByIdToken },
      encryption: { enabled: settings.sealsAnswers },
      jwtUserinfo: { enabled: settings.sealsAnswers },
      pushedAuthorizationRequests: {
        enabled: settings.takesPushedOnly,
        requirePushedAuthorizationRequests: settings.takesPushedOnly,
      },
      clientCredentials: { enabled: true },
      introspection: { enabled: flavour === 'plain', allowedPolicy: () => true },
      revocation: { enabled: true, allowedPolicy: () => true },
      backchannelLogout: { enabled: true },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: (ctx, form) => {
          const button = '<button name="logout" value="yes" type="submit">Log out</button>';
          ctx.body = `<!doctype html><title>Log out?</title>${form.replace('</form>', `${button}</form>`)}`;
        },
        postLogoutSuccessSource: (ctx) => {
          ctx.body = '<!doctype html><title>Logged out</title>';
        },
      },
      resourceIndicators: {
        enabled: true,
        // Auth0 says `audience` where RFC 8707 says `resource`.
        defaultResource: (ctx, _client, oneOf) => oneOf ?? requestedAudience(ctx, settings) ?? [],
        useGrantedResource: () => true,
        getResourceServerInfo: (_ctx, identifier) => ({
          scope: scopes,
          audience: identifier,
          accessTokenFormat: flavour === 'auth0' ? 'jwt' : 'opaque',
          jwt: { sign: { alg: 'RS256' } },
        }),
      },
    },
    formats: {
      customizers: {
        jwt: (_ctx, token, jwt) => {
          const { sub, iat, exp, scope, client_id } = jwt.payload;
          const ofClient = token.kind === 'ClientCredentials';
          jwt.header = { ...jwt.header, typ: 'JWT' };
          // Auth0's own profile of access tokens: `azp` and no `client_id`, and /userinfo as second audience.
          jwt.payload = {
            iss: issuer,
            sub: ofClient ? `${String(client_id)}@clients` : sub,
            aud: ofClient ? token.aud : [token.aud, `${issuer}userinfo`],
            iat,
            exp,
            scope,
            azp: client_id,
            ...(ofClient ? { gty: 'client-credentials' } : {}),
          };
        },
      },
    },
    clockTolerance: 5,
    // The package refuses to call private addresses by a dispatcher of its own; all gateways of the tests have one.
    fetch: async (url, { method = 'GET', headers = {}, body = null } = {}) =>
      fetch(url, { method, headers, body, redirect: 'manual' }),
    renderError: (ctx, out) => {
      ctx.type = 'json';
      ctx.body = out;
    },
  };

  /** First-party clients: nobody is asked for consent. */
  async function grantEverything(ctx: KoaContextWithOIDC) {
    const { provider, client, session, params } = ctx.oidc;
    if (client === undefined || session?.accountId === undefined) {
      return undefined;
    }
    const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
    grant.addOIDCScope(`${scopes} offline_access`);
    for (const resource of [audience, params?.['resource'] ?? []].flat()) {
      grant.addResourceScope(String(resource), scopes);
    }
    await grant.save();
    return grant;
  }
}

function requestedAudience(
  ctx: KoaContextWithOIDC,
  { flavour, audience }: OpenIdSettings,
): string | undefined {
  const asked = ctx.oidc.params?.['audience'];
  if (flavour === 'auth0' && typeof asked === 'string') {
    return asked;
  }
  // An application of its own: Auth0 takes `audience` in the form, which oidc-provider doesn't read.
  return ctx.oidc.params?.['grant_type'] === 'client_credentials' ? audience : undefined;
}
