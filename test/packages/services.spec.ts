import { once } from 'node:events';
import type { OutgoingHttpHeaders } from 'node:http';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeApiKey } from '../../src/api-keys/api-key-format.js';
import { findFreePorts } from '../../src/launcher/port-finder.js';
import { newId } from '../../src/platform/core/identifier.js';
import { RevocationFeed } from '../../src/session/revocation/revocation-feed.js';
import { SignalKeys } from '../../src/features/signals/transmitter/signal-keys.js';
import { SigningKeyRing } from '../../src/session/tokens/signing-key-ring.js';
import { SigningKeyRotation } from '../../src/session/tokens/signing-key-rotation.js';
import { administratorAt } from '../support/administrator.js';
import { makeKey, send } from '../support/api.caller.js';
import { blockRunBy } from '../support/document.blocks.js';
import { type Gateway, type HeldSession, startGateway } from '../support/gateway.js';
import { buildNextApp } from '../support/next.app.js';
import { DpopKey } from '../support/dpop.key.js';
import { installPackages, packPackages } from '../support/packed.packages.js';
import { rawRequest } from '../support/raw.request.js';
import {
  type ServiceKind,
  type StartedServer,
  startOf,
  startServer,
  writeService,
} from '../support/service.program.js';
import { waitUntil } from '../support/stack.js';
import { encode, signHmac } from '../support/token.forge.js';
import { misspelledTokens } from '../support/token.vectors.js';

const spec = 'test/packages/services.spec.ts';
const folder = mkdtempSync(join(tmpdir(), 'vestibule-services-'));
const audience = 'https://api.example.test';

/** Each kind of service, with the README that prints its program. */
const kinds: readonly (readonly [ServiceKind, string])[] = [
  // First, beside the tests of its pages: each row rotates the keys, and a service reads new ones at most twice in 30 seconds.
  ['next', 'packages/next/README.md'],
  ['express', 'packages/express/README.md'],
  ['fastify', 'packages/fastify/README.md'],
  ['hono', 'packages/hono/README.md'],
  ['nest', 'packages/nest/README.md'],
  ['go', 'packages/go/README.md'],
  ['flask', 'packages/python/README.md'],
  ['fastapi', 'packages/python/README.md'],
];
const readmes = new Map(kinds);

let gateway: Gateway;
let issuer: string;
let port: number;
let user: HeldSession;

interface Service {
  readonly url: string;
  readonly server: StartedServer;
}

/** By their folders. */
const services = new Map<string, Promise<Service>>();

beforeAll(async () => {
  installPackages(folder, packPackages(join(folder, 'packed')));
  [port = 0] = await findFreePorts(1);
  issuer = `http://localhost:${port}`;
  gateway = await startGateway({ PUBLIC_URL: issuer, PORT: String(port), TOKEN_AUDIENCE: audience });
  await gateway.app.listen(port, '127.0.0.1');
  user = await gateway.session();
  // The set has a key of another kind.
  await gateway.app.get(SignalKeys, { strict: false }).ensure();
});

afterAll(async () => {
  const all = await Promise.allSettled(services.values());
  await Promise.all(
    all.map(async (one) => (one.status === 'fulfilled' ? one.value.server.stop() : undefined)),
  );
  await gateway?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const helloOf = (kind: ServiceKind, readme: string): string => blockRunBy(readme, spec, kind);

/** The program that a README prints, with its second route, for this gateway. */
function programOf(kind: ServiceKind, readme: string, servicePort: number, hello: string): string {
  const lines = hello.trimEnd().split('\n');
  const hasRequirement = ['express', 'fastify', 'hono', 'next'].includes(kind);
  // Before the last line, which listens; with Next.js, after it.
  const last = kind === 'next' ? lines.length : -1;
  const requirement = hasRequirement ? [blockRunBy(readme, spec, `${kind} requirement`)] : [];
  return [...lines.slice(0, last), ...requirement, ...lines.slice(last), '']
    .join('\n')
    .replace(/(audience: '|Audience: +"|:3000", ")http:\/\/localhost:3000/g, `$1${audience}`)
    .replaceAll('http://localhost:3000', issuer)
    .replaceAll('8081', String(servicePort));
}

/** Each kind of service that subscribes to ended sessions and takes API keys; that with Next.js does the former as it is. */
const subscribing = kinds.filter(([kind]) => kind !== 'next');

/** The address of a service, as the READMEs print it. */
const own = 'http://127.0.0.1:8081';

/** The hello world of a README, with a verifier that subscribes to ended sessions, and takes API keys and tokens that are bound to a key. */
function subscribedHelloOf(kind: ServiceKind, readme: string): string {
  const hello = helloOf(kind, readme);
  if (kind === 'go') {
    const block = blockRunBy(readme, spec, 'go subscription').trimEnd();
    const bound = block.replace(/^\}\)$/m, `\tDPoP: "${own}",\n})`);
    return hello.replace(/guard, err := .*/, () => bound).replace('"net/http"', '"net/http"\n\t"os"');
  }
  if (kind === 'flask' || kind === 'fastapi') {
    const block = blockRunBy(readme, spec, 'python subscription').replace(
      'api_keys=True',
      `$&, dpop="${own}"`,
    );
    return hello.replace(/^guard = Verifier\(.*?\)/m, () => `${block}\nguard = verifier`);
  }
  const options = `apiKeys: true, dpop: '${own}', revocations: { key: process.env.REVOCATIONS_KEY }`;
  return hello.replace(/audience: '[^']*'/, (audienceOption) => `${audienceOption}, ${options}`);
}

/** The service of this kind, as its README prints it; started once. */
async function serviceOf(kind: ServiceKind, { subscribed = false } = {}): Promise<Service> {
  const name = subscribed ? `${kind}-subscribed` : kind;
  const known = services.get(name) ?? startService(kind, name, subscribed);
  services.set(name, known);
  return known;
}

async function startService(kind: ServiceKind, name: string, subscribed: boolean): Promise<Service> {
  const [servicePort = 0] = await findFreePorts(1);
  const url = `http://127.0.0.1:${servicePort}`;
  const cwd = join(folder, name);
  mkdirSync(cwd);
  const readme = readmes.get(kind) ?? '';
  const hello = subscribed ? subscribedHelloOf(kind, readme) : helloOf(kind, readme);
  const as = { authorization: (await administratorAt(gateway)).bearer };
  const env = {
    ...writeService(kind, cwd, programOf(kind, readme, servicePort, hello)),
    REVOCATIONS_KEY: (await makeKey(gateway, as, { scope: 'revocations:read' })).key,
  };
  if (kind === 'next') {
    await buildNextApp(cwd, env);
  }
  return { url, server: await startServer(url, ['bash', '-euc', startOf(kind, servicePort)], { cwd, env }) };
}

async function forged(claims: Readonly<Record<string, unknown>>, header = {}): Promise<string> {
  const { kid, alg, key } = gateway.app.get(SigningKeyRing, { strict: false }).signing();
  const all = JSON.parse(JSON.stringify({ ...user.claims, ...claims }));
  const members = JSON.parse(JSON.stringify({ alg, typ: 'at+jwt', kid, ...header }));
  return new SignJWT(all).setProtectedHeader(members).sign(key);
}

it.each(kinds)('in %s, no more than six lines of a hello world are about who calls', (kind, readme) => {
  const lines = helloOf(kind, readme)
    .split('\n')
    .filter((line) => /^(?!\/\/).*(?:vestibule|guard|verifier|auth\b|claims|CurrentUser)/i.test(line));
  // The second route of some stands in the same block.
  expect(lines.filter((line) => !/admin/i.test(line)).length).toBeLessThanOrEqual(6);
  expect(lines.length).toBeGreaterThanOrEqual(3);
});

/** Runs a step while the gateway answers no connection. */
async function whileStopped(step: () => Promise<void>): Promise<void> {
  const server = gateway.app.getHttpServer();
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
  try {
    await step();
  } finally {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  }
}

async function logOut({ cookie }: HeldSession): Promise<void> {
  const headers = { cookie, origin: issuer };
  expect((await gateway.request('/auth/logout', { method: 'POST', headers })).status).toBeLessThan(400);
}

describe('a page of Next.js', () => {
  let url: string;

  beforeAll(async () => {
    ({ url } = await serviceOf('next'));
  });

  const load = async (path: string, headers: OutgoingHttpHeaders = {}): Promise<Response> =>
    rawRequest(url, { path, headers: { 'sec-fetch-mode': 'navigate', accept: 'text/html', ...headers } });
  const bearer = (token: string): OutgoingHttpHeaders => ({ authorization: `Bearer ${token}` });
  const toLogin = (query: string): string => `${issuer}/auth/login?${query}`;

  it('that a user without a token loads leads to the login of the gateway, and back', async () => {
    const answer = await load('/notes/1?sort=new&page=2');
    expect([answer.status, answer.headers.get('location')]).toEqual([
      302,
      toLogin('return_to=%2Fnotes%2F1%3Fsort%3Dnew%26page%3D2'),
    ]);
    expect(answer.headers.get('cache-control')).toBe('no-store');
  });

  it.each([
    ['a script', { 'sec-fetch-mode': 'cors' }, 'GET'],
    ['an API client', { 'sec-fetch-mode': undefined, accept: '*/*' }, 'GET'],
    ['a form', {}, 'POST'],
    ['a token that is refused', { authorization: 'Bearer a.b.c' }, 'GET'],
  ])('that %s asks for is answered 401', async (_what, headers, method) => {
    const all = { 'sec-fetch-mode': 'navigate', accept: 'text/html', ...headers };
    const sent = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
    const answer = await rawRequest(url, { path: '/', method, headers: sent });
    expect([answer.status, answer.headers.get('content-type')]).toEqual([401, 'application/problem+json']);
  });

  it('is refused although the header is there by which the proxy was skipped (CVE-2025-29927)', async () => {
    for (const name of ['proxy', 'middleware', 'src/proxy', 'src/middleware']) {
      const answer = await load('/', { 'x-middleware-subrequest': Array(5).fill(name).join(':') });
      expect([name, answer.status]).toEqual([name, 302]);
    }
  });

  it('asks for a new login if the last one is too old', async () => {
    expect((await load('/settings', bearer(user.token))).status).toBe(200);
    const answer = await load('/settings', bearer(await forged({ auth_time: 1 })));
    expect([answer.status, answer.headers.get('location')]).toEqual([
      307,
      toLogin('max_age=300&return_to=%2Fsettings'),
    ]);
  });

  it('that the proxy does not see verifies the token itself', async () => {
    const answer = await load('/unguarded', bearer(user.token));
    expect([answer.status, await answer.text()]).toEqual([200, expect.stringContaining('Ada Lovelace')]);
    const [head, , signature] = user.token.split('.');
    const refusals = [
      [undefined, 307],
      ['x', 401],
      [`${head}.${encode({ ...user.claims, roles: ['admin'] })}.${signature}`, 401],
      [await forged({ aud: 'https://other.example.test' }), 401],
      [await forged({ exp: 1_700_000_000 }), 401],
      [await forged({}, { typ: 'JWT' }), 401],
      [await forged({ scope: 'profile:read' }), 403],
    ] as const;
    for (const [token, status] of refusals) {
      const refused = await load('/unguarded', token === undefined ? {} : bearer(token));
      expect([token?.slice(-20), refused.status]).toEqual([token?.slice(-20), status]);
      expect(await refused.text()).not.toContain('Ada');
      expect(refused.headers.get('location')).toBe(status === 307 ? toLogin('return_to=%2F') : null);
    }
  });

  it('runs a server action only for those who meet its requirement', async () => {
    const page = await (await load('/unguarded/action')).text();
    const action = /\$ACTION_ID_\w+/.exec(page)?.[0] ?? '';
    const submit = async (headers: Readonly<Record<string, string>>): Promise<Response> => {
      const body = new FormData();
      body.set(action, '');
      const own = { origin: url, ...headers };
      return fetch(`${url}/unguarded/action`, { method: 'POST', headers: own, body, redirect: 'manual' });
    };
    const saved = await submit({ authorization: `Bearer ${await forged({ roles: ['admin'] })}` });
    expect([saved.status, saved.headers.get('location')]).toEqual([303, '/unguarded/saved']);
    const refused = await submit({ authorization: `Bearer ${user.token}` });
    // What Next.js makes of a 403 in a form that was sent without a script.
    expect([refused.status, refused.headers.get('location')]).toEqual([404, null]);
    const stranger = await submit({});
    expect([stranger.status, stranger.headers.get('location')]).toEqual([303, toLogin('return_to=%2F')]);
  });

  it('that subscribes refuses an ended session as soon as it is told, and learns what it missed', async () => {
    const [first, second] = [await gateway.session(), await gateway.session()];
    const statusOf = async ({ token }: HeldSession): Promise<number> =>
      (await load('/unguarded/subscribed', bearer(token))).status;
    expect([await statusOf(first), await statusOf(second)]).toEqual([200, 200]);
    await logOut(first);
    await waitUntil(async () => (await statusOf(first)) === 401, 'the ended session to be refused');
    await whileStopped(async () => {
      await logOut(second);
      expect(await statusOf(second)).toBe(200);
    });
    await waitUntil(async () => (await statusOf(second)) === 401, 'the missed logout to be known');
    expect(await statusOf(user)).toBe(200);
  });
});

describe.each(kinds)('a service with %s, as %s prints it', (kind) => {
  let service: Service;
  let url: string;

  beforeAll(async () => {
    service = await serviceOf(kind);
    ({ url } = service);
  });

  const ask = (token?: string, path = '/'): Promise<Response> =>
    fetch(`${url}${path}`, token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } });
  const statusOf = async (token: string, path?: string): Promise<number> => (await ask(token, path)).status;

  it('knows who calls', async () => {
    const answer = await ask(user.token);
    const shown = kind === 'next' ? 'Ada Lovelace' : user.user.id;
    expect([answer.status, await answer.text()]).toEqual([200, expect.stringContaining(shown)]);
  });

  it('takes tokens at once when the keys change twice, and twice again', async () => {
    const rotation = gateway.app.get(SigningKeyRotation, { strict: false });
    for (let count = 0; count < 4; count += 1) {
      expect(await rotation.rotate()).toBe(true);
      expect([count, count % 2 === 0 ? 200 : await statusOf((await gateway.session()).token)]).toEqual([
        count,
        200,
      ]);
    }
  });

  it('answers a request without a token 401, and states where to log in', async () => {
    const answer = await ask();
    expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(await answer.json()).toEqual({
      type: 'about:blank',
      title: 'Log in first',
      status: 401,
      code: 'unauthenticated',
      loginUrl: `${issuer}/auth/login`,
    });
  });

  it('opens a route with a requirement to those who meet it, and tells the others what is missing', async () => {
    const refused = await ask(user.token, '/admin');
    expect([refused.status, await refused.json()]).toMatchObject([
      403,
      { code: 'forbidden', detail: 'Requires the role admin.' },
    ]);
    const admitted = await ask(await forged({ roles: ['admin'] }), '/admin');
    expect([admitted.status, await admitted.json()]).toMatchObject([200, { roles: ['admin'] }]);
  });

  it('refuses a token that was narrowed, where the route names no scope', async () => {
    const refused = await ask(await forged({ scope: 'profile:read' }));
    expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([
      403,
      'Bearer error="insufficient_scope", scope="api"',
    ]);
  });

  it.each([
    ['another audience', { aud: 'https://other.example.test' }, {}],
    ['several audiences', { aud: [audience, 'https://other.example.test'] }, {}],
    ['another issuer', { iss: 'https://evil.example' }, {}],
    ['a past end', { exp: 1_700_000_000 }, {}],
    ['a beginning in the future', { nbf: 4_000_000_000 }, {}],
    ['no end', { exp: undefined }, {}],
    ['no audience', { aud: undefined }, {}],
    ['no issuer', { iss: undefined }, {}],
    ['no subject', { sub: undefined }, {}],
    ['a subject that is an object', { sub: {} }, {}],
    ['the type of another token', {}, { typ: 'JWT' }],
    ['the type of a logout token', {}, { typ: 'logout+jwt' }],
    ['no type', {}, { typ: undefined }],
    ['an unknown key', {}, { kid: 'unknown' }],
    ['a key that is a path', {}, { kid: '../../etc/passwd' }],
    ['a key that every object has', {}, { kid: '__proto__' }],
    ['no key', {}, { kid: undefined }],
    ['a key in its header', {}, { jwk: { kty: 'oct', k: 'AA' }, kid: 'own' }],
  ])('refuses a token with %s, although its signature is right', async (_what, claims, header) => {
    const refused = await ask(await forged(claims, header));
    expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([
      401,
      'Bearer error="invalid_token"',
    ]);
    expect(await refused.text()).not.toContain('reason');
    expect(await statusOf(await forged({}))).toBe(200);
  });

  it('refuses a token that is bound to a key, with its proof too: it isn’t set up to verify it', async () => {
    const key = await DpopKey.make();
    const token = await forged({ cnf: { jkt: key.jkt } });
    const dpop = await key.proof({ method: 'GET', url: `${url}/`, token });
    for (const scheme of ['Bearer', 'DPoP']) {
      const answer = await fetch(url, { headers: { authorization: `${scheme} ${token}`, dpop } });
      expect([scheme, answer.status]).toEqual([scheme, 401]);
    }
  });

  it('refuses a token that the key of security events signed, which is in the same set', async () => {
    const { kid, alg, key } = gateway.app.get(SignalKeys, { strict: false }).signing();
    const header = { alg, typ: 'at+jwt', kid };
    expect(alg).toBe('RS256');
    expect(await statusOf(await new SignJWT({ ...user.claims }).setProtectedHeader(header).sign(key))).toBe(
      401,
    );
    expect(await statusOf(await forged({}, { kid }))).toBe(401);
    expect(await statusOf(await forged({}))).toBe(200);
  });

  it('refuses times that are no whole numbers, and other spellings of base64url', async () => {
    const { kid, alg, key } = gateway.app.get(SigningKeyRing, { strict: false }).signing();
    for (const [what, token] of await misspelledTokens(key, { alg, typ: 'at+jwt', kid }, user.claims)) {
      expect([what, await statusOf(token)]).toEqual([what, 401]);
    }
  });

  it('refuses what is not a token, a tampered one, `none`, and HMAC with the public key [T01] [T02]', async () => {
    const [head = '', , signature = ''] = user.token.split('.');
    const jwks = await (await fetch(`${issuer}/.well-known/jwks.json`)).text();
    const typ = 'at+jwt';
    const { kid } = gateway.app.get(SigningKeyRing, { strict: false }).signing();
    const wrong = [
      `${head}.${encode({ ...user.claims, roles: ['admin'] })}.${signature}`,
      `${head}..${signature}`,
      user.token.slice(0, -4),
      'x',
      'a.b.c',
      `${'a'.repeat(9000)}.b.c`,
      `${encode({ typ, kid, alg: 'none' })}.${encode(user.claims)}.`,
      await signHmac(Buffer.from(jwks), { typ, kid }, user.claims),
    ];
    for (const token of wrong) {
      expect([token.slice(0, 20), await statusOf(token)]).toEqual([token.slice(0, 20), 401]);
    }
    for (const authorization of ['Basic dTpw', `Bearer`, `Bearer ${user.token} x`, user.token]) {
      const answer = await fetch(url, { headers: { authorization } });
      expect([authorization.slice(0, 20), answer.status]).toEqual([authorization.slice(0, 20), 401]);
    }
  });

  it('refuses two credentials, whichever of them is good; in Next.js, to which Node passes the first, that one counts', async () => {
    for (const [authorization, expected] of [
      [[`Bearer ${user.token}`, 'Basic dTpw'], kind === 'next' ? 200 : 401],
      [['Basic dTpw', `Bearer ${user.token}`], 401],
    ] as const) {
      const headers = { Authorization: [...authorization] };
      const { status } = await rawRequest(url, { path: '/', headers });
      expect([authorization[0].slice(0, 6), status]).toEqual([authorization[0].slice(0, 6), expected]);
    }
  });

  it('reads the keys at most twice for the made-up keys that thirty tokens name', async () => {
    const readings = (): number =>
      gateway.log.filter((line) => line.includes('/.well-known/jwks.json')).length;
    const before = readings();
    for (let index = 0; index < 30; index += 1) {
      expect(await statusOf(await forged({}, { kid: `made-up-${index}` }))).toBe(401);
    }
    // It may have been time for one more.
    expect(readings() - before).toBeLessThanOrEqual(3);
  });

  it('takes tokens of new and old keys while the keys rotate under load, without a failure', async () => {
    const ring = gateway.app.get(SigningKeyRing, { strict: false });
    const before = ring.signing().kid;
    const statuses: number[] = [];
    const askers = Array.from({ length: 5 }, async () => {
      for (let count = 0; count < 8; count += 1) {
        statuses.push(await statusOf((await gateway.session()).token));
        statuses.push(await statusOf(user.token));
      }
    });
    expect(await gateway.app.get(SigningKeyRotation, { strict: false }).rotate()).toBe(true);
    await Promise.all(askers);
    expect(ring.signing().kid).not.toBe(before);
    expect(statuses).toEqual(Array.from({ length: 80 }, () => 200));
  });

  it('verifies while the gateway is stopped', async () => {
    const fresh = await gateway.session();
    await whileStopped(async () => {
      expect(await statusOf(user.token)).toBe(200);
      expect(await statusOf(fresh.token)).toBe(200);
    });
    expect(await statusOf(await forged({}))).toBe(200);
    expect(service.server.errors()).not.toMatch(/error|exception|panic/i);
  });
});

describe.each(subscribing)(
  'a service with %s that subscribes and takes API keys, as %s prints it',
  (kind) => {
    let url: string;
    let server: StartedServer;
    let administrator: HeldSession;

    beforeAll(async () => {
      administrator = await administratorAt(gateway);
      ({ url, server } = await serviceOf(kind, { subscribed: true }));
    });

    const ask = async (headers: Readonly<Record<string, string>>, path = '/'): Promise<Response> =>
      fetch(`${url}${path}`, { headers });
    const statusOf = async ({ token }: HeldSession): Promise<number> =>
      (await ask({ authorization: `Bearer ${token}` })).status;
    const ownKey = async (scope = 'api'): ReturnType<typeof makeKey> =>
      makeKey(gateway, { authorization: (await gateway.session()).bearer }, { scope });
    const exchanges = (): number => gateway.log.filter((line) => line.includes('"/auth/token"')).length;

    it('refuses an ended session as soon as it is told, and no other', async () => {
      const [held, live] = [await gateway.session(), await gateway.session()];
      expect([await statusOf(held), await statusOf(live)]).toEqual([200, 200]);
      await logOut(held);
      await waitUntil(async () => (await statusOf(held)) === 401, 'the logout to be known');
      expect(await statusOf(live)).toBe(200);
    });

    it('learns what it missed while the gateway was stopped', async () => {
      const held = await gateway.session();
      expect(await statusOf(held)).toBe(200);
      // More than fit into one message.
      const others = Array.from({ length: 12_000 }, () => ({
        id: newId(),
        kind: 'session' as const,
        before: null,
        recorded_at: Date.now(),
        expires_at: Date.now() + 60_000,
      }));
      await whileStopped(async () => {
        gateway.app.get(RevocationFeed, { strict: false }).announce(others);
        await logOut(held);
        expect(await statusOf(held)).toBe(200);
      });
      await waitUntil(async () => (await statusOf(held)) === 401, 'the logout to be known');
      expect(await statusOf(user)).toBe(200);
    });

    it('takes an API key, in either header, asks for it once, and refuses it as soon as it is revoked', async () => {
      const held = await gateway.session();
      const { id, key } = await makeKey(gateway, { authorization: held.bearer }, { scope: 'api' });
      const before = exchanges();
      const answers = await Promise.all(
        [{ 'x-api-key': key }, { authorization: `Bearer ${key}` }, { 'x-api-key': key }].map(
          async (headers) => ask(headers),
        ),
      );
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
      expect(await answers[0]?.text()).toContain(held.user.id);
      expect(exchanges() - before).toBe(1);
      await send(gateway, 'DELETE', `/api/v1/api-keys/${id}`, { authorization: held.bearer });
      await waitUntil(
        async () => (await ask({ 'x-api-key': key })).status === 401,
        'the revocation to be known',
      );
      expect(exchanges() - before).toBe(1);
    });

    it('takes a token that is bound to a key with a proof for the request, once, and never as a bearer', async () => {
      const key = await DpopKey.make();
      const token = await forged({ cnf: { jkt: key.jkt } });
      const proofFor = async (path: string, method = 'GET'): Promise<string> =>
        key.proof({ method, url: `${url}${path}`, token });
      const proof = await proofFor('/');
      const outcomes: unknown[] = [];
      for (const [authorization, dpop] of [
        [`DPoP ${token}`, proof],
        [`DPoP ${token}`, proof],
        [`DPoP ${token}`, await proofFor('/admin')],
        [`DPoP ${token}`, await proofFor('/', 'POST')],
        [`DPoP ${token}`, await (await DpopKey.make()).proof({ method: 'GET', url: `${url}/`, token })],
        [`DPoP ${user.token}`, await key.proof({ method: 'GET', url: `${url}/`, token: user.token })],
        [`Bearer ${token}`, await proofFor('/')],
        [`DPoP ${token}`, await proofFor('/')],
      ] as const) {
        const answer = await ask({ authorization, dpop });
        outcomes.push([answer.status, answer.headers.get('www-authenticate')?.slice(0, 34)]);
      }
      const refused = [401, 'DPoP error="invalid_dpop_proof", al'.slice(0, 34)];
      expect(outcomes).toEqual([
        [200, undefined],
        ...Array.from({ length: 6 }, () => refused),
        [200, undefined],
      ]);
      expect((await ask({ authorization: `DPoP ${token}` })).status).toBe(401);
    });

    it('takes an API key for no more than its scope', async () => {
      const { key } = await ownKey('profile:read');
      const answer = await ask({ 'x-api-key': key });
      expect([answer.status, await answer.json()]).toMatchObject([403, { code: 'insufficient_scope' }]);
    });

    it('knows at once what an API key may do since its user was changed', async () => {
      const held = await gateway.session();
      const { key } = await makeKey(gateway, { authorization: held.bearer }, { scope: 'api' });
      expect((await ask({ 'x-api-key': key }, '/admin')).status).toBe(403);
      const as = { authorization: administrator.bearer };
      const { etag = '' } = (await gateway.request(`/api/v1/users/${held.user.id}`, { headers: as })).headers;
      const path = `/api/v1/users/${held.user.id}`;
      expect(
        (await send(gateway, 'PATCH', path, { ...as, 'if-match': etag }, { role: 'admin' })).status,
      ).toBe(200);
      await waitUntil(
        async () => (await ask({ 'x-api-key': key }, '/admin')).status === 200,
        'the role to be known',
      );
      expect((await ask({ 'x-api-key': key })).status).toBe(200);
    });

    it('takes known API keys while the gateway is stopped, and answers 503 for others', async () => {
      const [known, other] = [await ownKey(), await ownKey()];
      expect((await ask({ 'x-api-key': known.key })).status).toBe(200);
      await whileStopped(async () => {
        expect((await ask({ 'x-api-key': known.key })).status).toBe(200);
        const answer = await ask({ 'x-api-key': other.key });
        expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1']);
      });
      await waitUntil(
        async () => (await ask({ 'x-api-key': other.key })).status === 200,
        'the gateway to answer',
      );
    });

    it('refuses keys of another form without asking, unknown ones, and two credentials', async () => {
      const { key } = await ownKey();
      const unknown = makeApiKey(newId()).key;
      const before = exchanges();
      for (const wrong of [
        'x',
        `${key.slice(0, -1)}_`,
        `${key}x`,
        'vst_',
        user.token,
        `vst_${'a'.repeat(9000)}`,
      ]) {
        expect([wrong.slice(0, 20), (await ask({ 'x-api-key': wrong })).status]).toEqual([
          wrong.slice(0, 20),
          401,
        ]);
      }
      expect((await ask({ 'x-api-key': key, authorization: `Bearer ${user.token}` })).status).toBe(400);
      const twice = await rawRequest(url, { path: '/', headers: { 'X-API-Key': [key, key] } });
      // Some frameworks join them to one text, which is no key.
      expect([400, 401]).toContain(twice.status);
      expect(exchanges() - before).toBe(0);
      for (let count = 0; count < 10; count += 1) {
        const refused = await ask({ 'x-api-key': unknown });
        expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([
          401,
          'Bearer error="invalid_token"',
        ]);
      }
      expect(exchanges() - before).toBe(1);
      expect(server.errors()).not.toMatch(/error|exception|panic/i);
    });
  },
);

it('of 40 logouts, every service that subscribes hears, and this prints after how long', async () => {
  const own = await Promise.all(
    kinds.map(async ([kind]) => {
      const { url } = await serviceOf(kind, { subscribed: kind !== 'next' });
      const took: number[] = [];
      return { kind, url: kind === 'next' ? `${url}/unguarded/subscribed` : url, took };
    }),
  );
  const statusOf = async (url: string, { token }: HeldSession): Promise<number> =>
    (await fetch(url, { headers: { authorization: `Bearer ${token}` } })).status;
  for (let count = 0; count < 40; count += 1) {
    const held = await gateway.session();
    await logOut(held);
    const begun = performance.now();
    await Promise.all(
      own.map(async ({ url, took }) => {
        await waitUntil(async () => (await statusOf(url, held)) === 401, 'the logout to be known');
        took.push(performance.now() - begun);
      }),
    );
  }
  for (const { kind, took } of own) {
    const sorted = took.toSorted((one, other) => one - other);
    process.stdout.write(
      `${kind}: an ended session was refused after ${Math.round(sorted[20] ?? 0)} ms (median), ${Math.round(sorted[39] ?? 0)} ms (worst of 40)\n`,
    );
  }
  expect(own.map(({ took }) => took.length)).toEqual(kinds.map(() => 40));
});
