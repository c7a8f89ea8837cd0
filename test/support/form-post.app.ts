import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import {
  type Configuration,
  None,
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  calculatePKCECodeChallenge,
  discovery,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
} from 'openid-client';
import { z } from 'zod';

const checksSchema = z.object({ state: z.string(), nonce: z.string(), verifier: z.string() });
const correlation = 'correlation';
const callback = '/signin-oidc';

/** A web application on a site of its own that logs in as ASP.NET Core does: the code comes to it in a posted form. */
export interface FormPostApp {
  readonly origin: string;
  readonly redirectUri: string;
  /** `Origin` of each form that was posted to it. */
  readonly posters: readonly (string | undefined)[];
  /** Finds the provider by its issuer. @returns the provider's metadata. */
  connect(issuer: string, clientId: string): Promise<Readonly<Record<string, unknown>>>;
  stop(): Promise<void>;
}

/**
 * Starts one. `/login` begins a login and passes its query on as parameters of the request; `/signin-oidc` takes the form, and
 * shows who the user is. What a login must match is in a cookie that a browser sends with a form of another site.
 */
export async function startFormPostApp(): Promise<FormPostApp> {
  const posters: (string | undefined)[] = [];
  let provider: Configuration | undefined;
  let origin = '';

  const begin = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const checks = { state: randomState(), nonce: randomNonce(), verifier: randomPKCECodeVerifier() };
    const url = buildAuthorizationUrl(required(provider), {
      ...Object.fromEntries(new URL(request.url ?? '', origin).searchParams),
      redirect_uri: origin + callback,
      response_mode: 'form_post',
      scope: 'openid profile email',
      state: checks.state,
      nonce: checks.nonce,
      code_challenge: await calculatePKCECodeChallenge(checks.verifier),
      code_challenge_method: 'S256',
    });
    const value = Buffer.from(JSON.stringify(checks)).toString('base64url');
    response.writeHead(302, {
      location: url.href,
      'set-cookie': `${correlation}=${value}; Path=${callback}; HttpOnly; Secure; SameSite=None`,
    });
    response.end();
  };

  const end = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    posters.push(request.headers.origin);
    const [, value = ''] =
      new RegExp(`(?:^|; )${correlation}=([^;]+)`).exec(request.headers.cookie ?? '') ?? [];
    const checks = checksSchema.parse(JSON.parse(Buffer.from(value, 'base64url').toString()));
    const posted = new Request(origin + callback, {
      method: 'POST',
      headers: { 'content-type': request.headers['content-type'] ?? '' },
      body: await text(request),
    });
    const tokens = await authorizationCodeGrant(required(provider), posted, {
      expectedState: checks.state,
      expectedNonce: checks.nonce,
      pkceCodeVerifier: checks.verifier,
    });
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
    response.end(
      `<!doctype html><title>App</title><h1>Logged in as ${String(tokens.claims()?.['email'])}</h1>`,
    );
  };

  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? '', origin);
    const answers = new Map([
      ['GET /login', begin],
      [`POST ${callback}`, end],
    ]);
    const answer = answers.get(`${request.method} ${pathname}`);
    try {
      await (answer ?? missing)(request, response);
    } catch (error) {
      response.writeHead(500, { 'content-type': 'text/plain' });
      response.end(`the login failed: ${String(error)}`);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  origin = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;

  return {
    origin,
    redirectUri: origin + callback,
    posters,
    connect: async (issuer, clientId) => {
      provider = await discovery(new URL(issuer), clientId, undefined, None(), {
        execute: [allowInsecureRequests],
      });
      return provider.serverMetadata();
    },
    stop: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function missing(_request: IncomingMessage, response: ServerResponse): Promise<void> {
  response.writeHead(404).end();
}

function required(provider: Configuration | undefined): Configuration {
  if (provider === undefined) {
    throw new Error('the application has not been connected to its provider');
  }
  return provider;
}
