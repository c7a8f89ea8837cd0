import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import {
  type Configuration,
  ClientSecretBasic,
  ClientSecretPost,
  type TokenEndpointResponse,
  type TokenEndpointResponseHelpers,
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  buildEndSessionUrl,
  calculatePKCECodeChallenge,
  discovery,
  fetchUserInfo,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
  refreshTokenGrant,
} from 'openid-client';
import { z } from 'zod';
import type { TrialSettings } from './trial.app.js';

const logoutEvent = 'http://schemas.openid.net/event/backchannel-logout';
/** What a logout token must state (OpenID Connect Back-Channel Logout 1.0 section 2.6), with a session. */
const logoutTokenSchema = z.looseObject({
  sid: z.string(),
  jti: z.string(),
  nonce: z.undefined().optional(),
  events: z.looseObject({ [logoutEvent]: z.looseObject({}) }),
});

interface BegunLogin {
  readonly verifier: string;
  readonly nonce: string | undefined;
  readonly maxAge: number | undefined;
}

type Tokens = TokenEndpointResponse & TokenEndpointResponseHelpers;

/** Starts an application by openid-client. Its routes are those of go-oidc-app/main.go. @returns what stops it. */
export async function startOpenidClientApp(settings: TrialSettings): Promise<() => Promise<void>> {
  const app = new OpenidClientApp(settings, await discovered(settings));
  const server = createServer((request, response) => {
    void app.answer(request, response);
  });
  server.listen(Number(new URL(settings.origin).port), '127.0.0.1');
  await once(server, 'listening');
  return async () => {
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  };
}

async function discovered({ issuer, client, authentication }: TrialSettings): Promise<Configuration> {
  const method = authentication === 'client_secret_post' ? ClientSecretPost : ClientSecretBasic;
  return discovery(new URL(issuer), client.id, undefined, method(client.secret), {
    execute: [allowInsecureRequests],
  });
}

class OpenidClientApp {
  readonly #origin: string;
  readonly #client: Configuration;
  readonly #logins = new Map<string, BegunLogin>();
  readonly #notices: unknown[] = [];

  constructor({ origin }: TrialSettings, client: Configuration) {
    this.#origin = origin;
    this.#client = client;
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '', this.#origin);
    try {
      switch (`${request.method} ${url.pathname}`) {
        case 'GET /login':
          redirect(response, await this.#begin(url.searchParams));
          break;
        case 'GET /callback':
          await this.#show(request, response, await this.#finish(url));
          break;
        case 'GET /refresh': {
          const token = url.searchParams.get('token') ?? '';
          await this.#show(request, response, await refreshTokenGrant(this.#client, token));
          break;
        }
        case 'GET /logout':
          redirect(response, this.#logout(url.searchParams));
          break;
        case 'GET /bye':
          page(response, '<h1>Logged out of the app</h1>');
          break;
        case 'POST /backchannel-logout':
          await this.#notice(new URLSearchParams(await text(request)).get('logout_token') ?? '');
          json(response, 200, {});
          break;
        case 'GET /notices':
          json(response, 200, this.#notices);
          break;
        default:
          json(response, 404, {});
      }
    } catch (error) {
      json(response, 400, { error: reasonOf(error) });
    }
  }

  async #begin(query: URLSearchParams): Promise<URL> {
    const { omit = '', ...parameters } = Object.fromEntries(query);
    const [state, nonce, verifier] = [randomState(), randomNonce(), randomPKCECodeVerifier()];
    const target = buildAuthorizationUrl(this.#client, {
      redirect_uri: `${this.#origin}/callback`,
      state,
      nonce,
      code_challenge: await calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      ...parameters,
    });
    const omitted = omit.split(' ');
    omitted.forEach((name) => target.searchParams.delete(name));
    this.#logins.set(state, {
      verifier,
      nonce: omitted.includes('nonce') ? undefined : nonce,
      maxAge: parameters['max_age'] === undefined ? undefined : Number(parameters['max_age']),
    });
    return target;
  }

  async #finish(url: URL): Promise<Tokens> {
    const state = url.searchParams.get('state') ?? '';
    const begun = this.#logins.get(state);
    this.#logins.delete(state);
    if (begun === undefined) {
      throw new Error('the state is unknown');
    }
    return authorizationCodeGrant(this.#client, url, {
      expectedState: state,
      pkceCodeVerifier: begun.verifier,
      ...(begun.nonce === undefined ? {} : { expectedNonce: begun.nonce }),
      ...(begun.maxAge === undefined ? {} : { maxAge: begun.maxAge }),
    });
  }

  async #show(request: IncomingMessage, response: ServerResponse, tokens: Tokens): Promise<void> {
    const claims = tokens.claims();
    if (claims === undefined || tokens.id_token === undefined) {
      throw new Error('there is no ID token');
    }
    const userinfo = await fetchUserInfo(this.#client, tokens.access_token, claims.sub);
    if (request.headers.accept?.includes('text/html') === true) {
      const logout = `/logout?${new URLSearchParams({ id_token_hint: tokens.id_token })}`;
      page(response, `<h1>Logged in as ${userinfo.email ?? ''}</h1><a href="${logout}">Log out</a>`);
      return;
    }
    const { id_token, access_token, refresh_token } = tokens;
    json(response, 200, { id_token, access_token, refresh_token, claims, userinfo });
  }

  #logout(query: URLSearchParams): URL {
    const { omit = '', ...parameters } = Object.fromEntries(query);
    const target = buildEndSessionUrl(this.#client, {
      post_logout_redirect_uri: `${this.#origin}/bye`,
      ...parameters,
    });
    omit.split(' ').forEach((name) => target.searchParams.delete(name));
    return target;
  }

  /** Verifies a logout token by jose, because openid-client has nothing for it. */
  async #notice(token: string): Promise<void> {
    const { issuer, jwks_uri: keys = '' } = this.#client.serverMetadata();
    const audience = this.#client.clientMetadata().client_id;
    const { payload } = await jwtVerify(token, createRemoteJWKSet(new URL(keys)), {
      issuer,
      audience,
      requiredClaims: ['iat'],
    });
    this.#notices.push({ claims: logoutTokenSchema.parse(payload), refusal: '' });
  }
}

function reasonOf(error: unknown): string {
  const code: unknown = Reflect.get(Object(error), 'error');
  return typeof code === 'string' ? code : String(error);
}

function redirect(response: ServerResponse, to: URL): void {
  response.writeHead(302, { location: to.href }).end();
}

function page(response: ServerResponse, body: string): void {
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
  response.end(`<!doctype html><title>App</title>${body}`);
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
