import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import {
  type Configuration,
  ClientError,
  ClientSecretBasic,
  ResponseBodyError,
  WWWAuthenticateChallengeError,
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  calculatePKCECodeChallenge,
  discovery,
  fetchUserInfo,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
  refreshTokenGrant,
} from 'openid-client';

const callback = '/callback';

/** A web application on a site of its own, with a secret, that stays logged in by a refresh token. It has one user. */
export interface WebApp {
  readonly origin: string;
  readonly redirectUri: string;
  /** Finds the provider by its issuer. */
  connect(issuer: string, clientId: string, clientSecret: string): Promise<void>;
  /** Asks for the user's data with the access token. @returns `ok`, or the status of the refusal. */
  userinfo(): Promise<string>;
  /** Refreshes its tokens. @returns `ok`, or the error code of the refusal. */
  refresh(): Promise<string>;
  stop(): Promise<void>;
}

interface Checks {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
}

interface Login {
  readonly subject: string;
  readonly email: string;
  readonly accessToken: string;
  readonly refreshToken: string;
}

/** Starts one. `/login` begins a login, which ends at `/`: that shows who is logged in. */
export async function startWebApp(): Promise<WebApp> {
  let provider: Configuration | undefined;
  let origin = '';
  let checks: Checks | undefined;
  let login: Login | undefined;

  const begin = async (_request: IncomingMessage, response: ServerResponse): Promise<void> => {
    checks = { state: randomState(), nonce: randomNonce(), verifier: randomPKCECodeVerifier() };
    const url = buildAuthorizationUrl(required(provider), {
      redirect_uri: origin + callback,
      scope: 'openid email offline_access',
      state: checks.state,
      nonce: checks.nonce,
      code_challenge: await calculatePKCECodeChallenge(checks.verifier),
      code_challenge_method: 'S256',
    });
    response.writeHead(302, { location: url.href }).end();
  };

  const end = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { state, nonce, verifier } = required(checks);
    const tokens = await authorizationCodeGrant(required(provider), new URL(request.url ?? '', origin), {
      expectedState: state,
      expectedNonce: nonce,
      pkceCodeVerifier: verifier,
    });
    const claims = required(tokens.claims());
    login = {
      subject: claims.sub,
      email: String(claims['email']),
      accessToken: tokens.access_token,
      refreshToken: required(tokens.refresh_token),
    };
    response.writeHead(302, { location: '/' }).end();
  };

  const show = async (_request: IncomingMessage, response: ServerResponse): Promise<void> => {
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
    response.end(`<!doctype html><title>App</title><h1>Logged in as ${login?.email ?? 'nobody'}</h1>`);
  };

  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? '', origin);
    const answers = new Map([
      ['/login', begin],
      [callback, end],
      ['/', show],
    ]);
    try {
      await (answers.get(pathname) ?? missing)(request, response);
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
    connect: async (issuer, clientId, clientSecret) => {
      provider = await discovery(new URL(issuer), clientId, clientSecret, ClientSecretBasic(clientSecret), {
        execute: [allowInsecureRequests],
      });
    },
    userinfo: () =>
      outcomeOf(async () => {
        const { accessToken, subject } = required(login);
        await fetchUserInfo(required(provider), accessToken, subject);
      }),
    refresh: () =>
      outcomeOf(async () => {
        const known = required(login);
        const tokens = await refreshTokenGrant(required(provider), known.refreshToken);
        login = {
          ...known,
          accessToken: tokens.access_token,
          refreshToken: tokens.refresh_token ?? known.refreshToken,
        };
      }),
    stop: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** What became of a call: `ok`, the provider's error code, or the status of its refusal. */
async function outcomeOf(call: () => Promise<void>): Promise<string> {
  try {
    await call();
    return 'ok';
  } catch (error) {
    if (error instanceof ResponseBodyError) {
      return error.error;
    }
    if (error instanceof WWWAuthenticateChallengeError) {
      return String(error.status);
    }
    if (error instanceof ClientError && error.cause instanceof Response) {
      return String(error.cause.status);
    }
    throw error;
  }
}

async function missing(_request: IncomingMessage, response: ServerResponse): Promise<void> {
  response.writeHead(404).end();
}

function required<T>(value: T | undefined): T {
  if (value === undefined) {
    throw new Error('the application is not that far yet');
  }
  return value;
}
