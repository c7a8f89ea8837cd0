import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CompactSign, exportJWK } from 'jose';
import { AuthStrategy } from '../../src/auth-strategy/auth.strategy.js';

import { type Gateway, startGateway } from './gateway.js';
import { changedIdentity } from './kratos.identities.js';
import { takeRsaKeys } from './rsa.keys.js';
import { waitUntil } from './stack.js';

/** Ids in what Ory answers. */
export const oryIds = {
  subject: '01980000-0000-7000-8000-000000000001',
  kratosSession: '01980000-0000-7000-8000-000000000002',
  stranger: '01980000-0000-7000-8000-000000000003',
  recoveryFlow: '01980000-0000-7000-8000-000000000004',
  hydraSession: 'hydra-session',
} as const;
export const oryAudience = 'https://api.example.test';

/** What Hydra says of a person's access token. */
export const personsToken = {
  active: true,
  client_id: 'app',
  sub: oryIds.subject,
  token_use: 'access_token',
  scope: 'openid  email ',
  aud: ['https://elsewhere.example.test', oryAudience],
  exp: 4_000_000_000,
  ext: {
    kratos_session_id: oryIds.kratosSession,
    amr: ['pwd', 'otp'],
    acr: 'aal2',
    auth_time: 1_700_000_000_000,
    hydra_session_id: oryIds.hydraSession,
  },
};

export const kratosIdentity = {
  id: oryIds.subject,
  state: 'active',
  traits: { email: 'ada@example.test', name: 'Ada', favourite: 'blue' },
  verifiable_addresses: [{ value: 'ada@example.test', verified: true }],
};

export const kratosSession = {
  id: oryIds.kratosSession,
  active: true,
  authenticated_at: '2026-01-01T00:00:00Z',
  identity: kratosIdentity,
};

/** Where Kratos is asked whether it can read its sessions. */
export const noSessionRoute = 'GET /admin/sessions/00000000-0000-0000-0000-000000000000';

/** The body of a refusal, as Kratos states it. */
export function oryError(code: number): object {
  return { error: { code, status: 'A status', message: 'A message' } };
}

const refusals = new Set([401, 403, 404]);

type Answers = Readonly<Record<string, readonly [number, unknown]>>;

/** Where Kratos is asked about the session of {@link oryIds}. */
export const kratosSessionRoute = `GET /admin/sessions/${oryIds.kratosSession}`;

/** Answers by method and path: status and body. */
const usual: Answers = {
  'POST /admin/oauth2/introspect': [200, personsToken],
  [kratosSessionRoute]: [200, kratosSession],
  [noSessionRoute]: [404, oryError(404)],
  [`DELETE /admin/sessions/${oryIds.kratosSession}`]: [204, undefined],
  'GET /admin/oauth2/auth/sessions/consent': [
    200,
    [
      {
        consent_request: {
          login_session_id: oryIds.hydraSession,
          client: { client_id: 'app', grant_types: [] },
        },
      },
    ],
  ],
  'DELETE /admin/oauth2/auth/sessions/consent': [204, undefined],
  'DELETE /admin/oauth2/auth/sessions/login': [204, undefined],
  'POST /admin/recovery/code': [
    201,
    {
      recovery_code: '123456',
      recovery_link: `https://auth.example.test/ui/recovery?flow=${oryIds.recoveryFlow}`,
      expires_at: '2026-01-01T00:00:00Z',
    },
  ],
};

/** A gateway whose Kratos and Hydra answer what a test wants: the real ones give few of the answers that must be refused. */
export interface AnsweringOry {
  readonly gateway: Gateway;
  readonly strategy: AuthStrategy;
  /** Method, path with query, and body of what Ory was asked since the last {@link reset}. */
  readonly asked: string[];
  /** From now on gives this answer. @param route method and path, without the query. @param body by default Ory's error for 401, 403 and 404. */
  say(route: string, status: number, body?: unknown): void;
  /** Ends all misbehaviour. */
  reset(): void;
  /** A token signed by the key that Hydra publishes. */
  sign(claims: Readonly<Record<string, unknown>>): Promise<string>;
  stop(): Promise<void>;
}

/** Starts both. @param env settings on top. */
export async function startAnsweringOry(env: Readonly<Record<string, string>> = {}): Promise<AnsweringOry> {
  const pair = await takeRsaKeys();
  const jwk = { ...(await exportJWK(pair.publicKey)), alg: 'RS256', use: 'sig', kid: 'hydra' };
  const asked: string[] = [];
  let answers: Answers = {};
  const reset = (): void => {
    asked.length = 0;
    answers = { ...usual, 'GET /.well-known/jwks.json': [200, { keys: [jwk] }] };
  };
  reset();
  const server = createServer((request, response) => {
    void (async () => {
      const chunks = await request.toArray();
      const { method } = request;
      const line = `${method} ${request.url}`;
      const text = Buffer.concat(chunks).toString();
      asked.push(`${line} ${text}`.trim());
      const other = method === 'DELETE' ? 204 : 200;
      const isWrite = /^(?:PATCH|PUT) \/admin\/identities\//.test(line);
      const written = isWrite ? changedIdentity(method, text, kratosIdentity) : {};
      const [status, body] = answers[line.split('?', 1)[0] ?? ''] ?? [other, written];
      // As Hydra does when it refuses a token.
      const isChallenge = status === 401 && request.url?.startsWith('/userinfo') === true;
      const challenge = isChallenge ? { 'www-authenticate': 'error=request_unauthorized' } : {};
      response
        .writeHead(status, { 'content-type': 'application/json', ...challenge })
        .end(JSON.stringify(body));
    })();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address: AddressInfo | string | null = server.address();
  const url = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  const gateway = await startGateway({
    KRATOS_PUBLIC_URL: url,
    KRATOS_ADMIN_URL: url,
    HYDRA_PUBLIC_URL: url,
    HYDRA_ADMIN_URL: url,
    ALLOWED_CLIENT_IDS: 'app',
    TOKEN_AUDIENCE: oryAudience,
    ...env,
  });
  // What the set-up asks isn't what a test looks at.
  await waitUntil(
    async () => (await gateway.request('/auth/login')).status === 302,
    'the set-up at Ory to be done',
  );
  asked.length = 0;
  return {
    gateway,
    strategy: gateway.app.get(AuthStrategy, { strict: false }),
    asked,
    say: (route, status, body = refusals.has(status) ? oryError(status) : {}) => {
      answers = { ...answers, [route]: [status, body] };
    },
    reset,
    sign: (claims) =>
      new CompactSign(Buffer.from(JSON.stringify(claims)))
        .setProtectedHeader({ alg: 'RS256', kid: 'hydra' })
        .sign(pair.privateKey),
    stop: async () => {
      await gateway.stop();
      server.closeAllConnections();
      server.close();
    },
  };
}
