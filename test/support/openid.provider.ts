import { once } from 'node:events';
import { createServer } from 'node:http';
import { createLocalJWKSet, type JWK, jwtVerify } from 'jose';
import Provider, { type ClientMetadata } from 'oidc-provider';
import { claimsOf, type OpenIdAccount } from './openid.accounts.js';
import { type IdTokenFault, makeOpenIdKeys, type OpenIdKeys } from './openid.keys.js';
import { openIdConfiguration, type OpenIdFlavour, routesOf } from './openid.settings.js';

/** Koa's context, as a middleware of the provider gets it. */
type Context = Parameters<Parameters<Provider['use']>[0]>[0];

export interface OpenIdProviderOptions {
  readonly flavour: OpenIdFlavour;
  /** Loopback port to listen on. */
  readonly port: number;
  /** Where others reach it, when something stands in front; without a slash at the end. */
  readonly origin?: string;
  readonly clients: readonly ClientMetadata[];
  /** Identifier of the API. */
  readonly audience: string;
  readonly accounts?: readonly OpenIdAccount[];
  /** Whether it has no /userinfo, and puts everything into the ID token. Default false. */
  readonly tellsOnlyByIdToken?: boolean;
  /** Whether clients may have answers signed and encrypted. Default false. */
  readonly sealsAnswers?: boolean;
  /** Whether it takes no authorization request but those that are pushed (RFC 9126). Default false. */
  readonly takesPushedOnly?: boolean;
  /** Whether it refuses `offline_access`, which its metadata lists, to every client. Default false: it grants no refresh token. */
  readonly refusesOfflineAccess?: boolean;
}

/** A request that reached the provider. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
}

/** A certified OpenID provider (the package oidc-provider) in this process, with an Auth0 face where wanted. */
export interface OpenIdProvider {
  readonly origin: string;
  /** With a slash at the end where it looks like Auth0. */
  readonly issuer: string;
  readonly audience: string;
  readonly endpoints: { readonly authorization: string; readonly token: string };
  readonly keys: OpenIdKeys;
  /** Requests so far. */
  readonly seen: readonly SeenRequest[];
  add(account: OpenIdAccount): void;
  /** From now on there is no such account. */
  remove(sub: string): void;
  /** From now on it signs with a new key, and publishes the earlier ones beside it. */
  rotateKeys(): Promise<void>;
  /** How often the key set was fetched. */
  countJwksFetches(): number;
  /** From now on /userinfo tells of this subject, no matter whose access token it is. */
  swapUserinfoSubject(subject: string): void;
  /** From now on /userinfo refuses the access tokens that there are. */
  endAccessTokens(): void;
  /** From now on each ID token has this fault. */
  tamperIdToken(fault: IdTokenFault): void;
  /** Ends all misbehaviour. */
  reset(): void;
  stop(): Promise<void>;
}

/** Starts a provider; resolves when it listens. */
export async function startOpenIdProvider(options: OpenIdProviderOptions): Promise<OpenIdProvider> {
  const { flavour, audience, port } = options;
  const origin = options.origin ?? `http://127.0.0.1:${port}`;
  const issuer = flavour === 'auth0' ? `${origin}/` : origin;
  const accounts = new Map((options.accounts ?? []).map((account) => [account.sub, account]));
  const keys = await makeOpenIdKeys();
  const routes = routesOf(flavour);
  const configuration = openIdConfiguration({
    flavour,
    issuer,
    clients: options.clients,
    audience,
    accounts,
    keys,
    tellsOnlyByIdToken: options.tellsOnlyByIdToken === true,
    sealsAnswers: options.sealsAnswers === true,
    takesPushedOnly: options.takesPushedOnly === true,
  });
  const published = [keys.jwk];
  const seen: SeenRequest[] = [];
  const issued = new Set<string>();
  const ended = new Set<string>();
  let fault: IdTokenFault | undefined;
  let subject: string | undefined;

  /** A provider with the keys that are published now; what it stores is the same whichever keys it has. */
  const build = (): Provider => {
    const made = new Provider(issuer, { ...configuration, jwks: { keys: [...published] } });
    setUp(made);
    return made;
  };

  function setUp(provider: Provider): void {
    provider.use(async (ctx, next) => {
      seen.push({ method: ctx.method, path: ctx.path, query: new URLSearchParams(ctx.search) });
      await next();
      const body: unknown = ctx.body;
      if (typeof body !== 'object' || body === null) {
        return;
      }
      if (ctx.path === routes.token && 'access_token' in body) {
        // A JWT of the same second is the same text.
        issued.add(String(body.access_token));
        ended.delete(String(body.access_token));
      }
      if (ctx.path === routes.token && 'id_token' in body && fault !== undefined) {
        ctx.body = { ...body, id_token: await keys.tamper(String(body.id_token), fault) };
      }
      if (ctx.path === routes.userinfo && 'sub' in body && subject !== undefined) {
        ctx.body = { ...body, sub: subject };
      }
    });
    provider.use(async (ctx, next) => {
      if (ctx.path.startsWith('/interaction/')) {
        await interact(provider, ctx, accounts);
      } else if (
        options.refusesOfflineAccess === true &&
        ctx.path === routes.authorization &&
        String(ctx.query['scope']).includes('offline_access')
      ) {
        ctx.redirect(refusalOf(ctx, issuer));
      } else if (
        ctx.path === routes.userinfo &&
        ended.has(ctx.get('authorization').slice('Bearer '.length))
      ) {
        // RFC 6750 section 3.1.
        ctx.status = 401;
        ctx.set('www-authenticate', 'Bearer error="invalid_token"');
        ctx.body = { error: 'invalid_token' };
      } else if (
        ctx.path === routes.userinfo &&
        options.tellsOnlyByIdToken !== true &&
        (await answerForApi(provider, ctx))
      ) {
        return;
      } else if (flavour === 'auth0' && ctx.path === '/v2/logout') {
        await logOutOfAuth0(provider, ctx);
      } else {
        await next();
        if (flavour === 'auth0') {
          withoutIssuer(ctx);
        }
      }
    });
  }

  /**
   * oidc-provider lets a token that's bound to an API not ask /userinfo; Auth0 and most others do.
   * @returns false for every other token: the provider's own endpoint answers.
   */
  async function answerForApi(provider: Provider, ctx: Context): Promise<boolean> {
    const token = /^Bearer (\S+)$/i.exec(ctx.get('authorization'))?.[1] ?? '';
    const found = await provider.AccessToken.find(token);
    const claims =
      found?.isValid === true && found.aud !== undefined
        ? { sub: found.accountId, scope: found.scope ?? '' }
        : await jwtVerify(token, createLocalJWKSet({ keys: published.map(publicPart) }), {
            issuer,
            audience: `${issuer}userinfo`,
          }).then(
            ({ payload }) => ({ sub: payload.sub ?? '', scope: String(payload['scope']) }),
            () => undefined,
          );
    const account = claims === undefined ? undefined : accounts.get(claims.sub);
    if (claims === undefined || account === undefined) {
      return false;
    }
    ctx.body = claimsOf(account, claims.scope);
    return true;
  }

  let handle = build().callback();
  const server = createServer((request, response) => void handle(request, response));
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    origin,
    issuer,
    audience,
    endpoints: { authorization: origin + routes.authorization, token: origin + routes.token },
    keys,
    seen,
    endAccessTokens: () => {
      for (const token of issued) {
        ended.add(token);
      }
    },
    add: (account) => void accounts.set(account.sub, account),
    remove: (sub) => void accounts.delete(sub),
    rotateKeys: async () => {
      published.unshift((await makeOpenIdKeys()).jwk);
      handle = build().callback();
    },
    countJwksFetches: () => seen.filter(({ path }) => path === routes.jwks).length,
    swapUserinfoSubject: (other) => {
      subject = other;
    },
    tamperIdToken: (kind) => {
      fault = kind;
    },
    reset: () => {
      fault = undefined;
      subject = undefined;
    },
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Where a refused authorization request leads to (RFC 6749 section 4.1.2.1). */
function refusalOf({ query: { redirect_uri: redirectUri, state } }: Context, issuer: string): string {
  const answer = { error: 'invalid_scope', state: String(state), iss: issuer };
  return `${String(redirectUri)}?${new URLSearchParams(answer)}`;
}

/** What a key set publishes of an RSA key. */
function publicPart({ kid = '', n = '', e = '' }: OpenIdKeys['jwk']): JWK {
  return { kty: 'RSA', use: 'sig', alg: 'RS256', kid, n, e };
}

/** The login form, which works without scripts, and its answer. */
async function interact(
  provider: Provider,
  ctx: Context,
  accounts: ReadonlyMap<string, OpenIdAccount>,
): Promise<void> {
  const { prompt, params } = await provider.interactionDetails(ctx.req, ctx.res);
  const signup = params['screen_hint'] === 'signup' || prompt.name === 'create';
  if (ctx.method === 'POST') {
    const chunks: string[] = [];
    for await (const chunk of ctx.req.setEncoding('utf8')) {
      chunks.push(String(chunk));
    }
    const form = new URLSearchParams(chunks.join(''));
    const login = form.get('login');
    const account = [...accounts.values()].find(
      ({ sub, email, password = form.get('password') }) =>
        (sub === login || email === login) && password === form.get('password'),
    );
    if (account !== undefined) {
      ctx.respond = false;
      const [acr] = String(params['acr_values'] ?? '').split(' ');
      const second = account.secondFactor && acr ? { acr, amr: ['pwd', 'otp', 'mfa'] } : {};
      const result = { login: { accountId: account.sub, ...second }, create: {} };
      await provider.interactionFinished(ctx.req, ctx.res, result);
      return;
    }
  }
  const title = signup ? 'Sign up' : 'Log in';
  ctx.type = 'html';
  ctx.body = `<!doctype html><html lang="en"><title>${title} at the provider</title><h1>${title}</h1>
    <form method="post"><label>E-mail <input name="login"></label>
    <label>Password <input name="password" type="password"></label><button type="submit">${title}</button></form>`;
}

/** Auth0's own logout: no question, no ID token; back only to registered addresses. */
async function logOutOfAuth0(provider: Provider, ctx: Context): Promise<void> {
  const { client_id: clientId, returnTo } = ctx.query;
  const client = typeof clientId === 'string' ? await provider.Client.find(clientId) : undefined;
  const allowed = client?.postLogoutRedirectUris ?? [];
  if (typeof returnTo === 'string' && !allowed.includes(returnTo)) {
    ctx.status = 400;
    ctx.body = 'The returnTo address is not registered';
    return;
  }
  const session = await provider.Session.get(ctx);
  await session.destroy();
  ctx.cookies.set(provider.cookieName('session'), null);
  if (typeof returnTo === 'string') {
    ctx.redirect(returnTo);
  } else {
    ctx.body = 'OK';
  }
}

/** Auth0 answers without the `iss` of RFC 9207. */
function withoutIssuer(ctx: Context): void {
  const location = ctx.response.get('location');
  if (ctx.status >= 300 && ctx.status < 400 && URL.canParse(location)) {
    const url = new URL(location);
    if (url.searchParams.has('iss')) {
      url.searchParams.delete('iss');
      ctx.set('location', url.href);
    }
  }
}
