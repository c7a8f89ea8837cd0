import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findFreePorts } from '../../src/launcher/port.finder.js';
import { SigningKeyRing } from '../../src/session/tokens/signing-key.ring.js';
import { SigningKeyRotation } from '../../src/session/tokens/signing-key.rotation.js';
import { blockRunBy } from '../support/document.blocks.js';
import { type Gateway, type HeldSession, startGateway } from '../support/gateway.js';
import { installPackages, packPackages } from '../support/packed.packages.js';
import { rawRequest } from '../support/raw.request.js';
import {
  type ServiceKind,
  type StartedServer,
  startOf,
  startServer,
  writeService,
} from '../support/service.program.js';
import { encode, signHmac } from '../support/token.forge.js';

const spec = 'test/packages/services.spec.ts';
const folder = mkdtempSync(join(tmpdir(), 'vestibule-services-'));
const audience = 'https://api.example.test';

/** Each kind of service, with the README that prints its program. */
const kinds: readonly (readonly [ServiceKind, string])[] = [
  ['express', 'packages/express/README.md'],
  ['fastify', 'packages/fastify/README.md'],
  ['hono', 'packages/hono/README.md'],
  ['nest', 'packages/nest/README.md'],
  ['go', 'packages/go/README.md'],
  ['flask', 'packages/python/README.md'],
  ['fastapi', 'packages/python/README.md'],
];

let gateway: Gateway;
let issuer: string;
let port: number;
let user: HeldSession;

beforeAll(async () => {
  installPackages(folder, packPackages(join(folder, 'packed')));
  [port = 0] = await findFreePorts(1);
  issuer = `http://localhost:${port}`;
  gateway = await startGateway({ PUBLIC_URL: issuer, PORT: String(port), TOKEN_AUDIENCE: audience });
  await gateway.app.listen(port, '127.0.0.1');
  user = await gateway.session();
});

afterAll(async () => {
  await gateway?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const helloOf = (kind: ServiceKind, readme: string): string => blockRunBy(readme, spec, kind);

/** The program that a README prints, with its second route, for this gateway. */
function programOf(kind: ServiceKind, readme: string, servicePort: number): string {
  const lines = helloOf(kind, readme).trimEnd().split('\n');
  const hasRequirement = kind === 'express' || kind === 'fastify' || kind === 'hono';
  // Before the last line, which listens.
  const requirement = hasRequirement ? [blockRunBy(readme, spec, `${kind} requirement`)] : [];
  return [...lines.slice(0, -1), ...requirement, lines.at(-1), '']
    .join('\n')
    .replace(/(audience: '|Audience: "|:3000", ")http:\/\/localhost:3000/g, `$1${audience}`)
    .replaceAll('http://localhost:3000', issuer)
    .replaceAll('8081', String(servicePort));
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
    .filter((line) => /vestibule|guard|verifier|auth\b|claims|CurrentUser/i.test(line));
  // The second route of some stands in the same block.
  expect(lines.filter((line) => !/admin/i.test(line)).length).toBeLessThanOrEqual(6);
  expect(lines.length).toBeGreaterThanOrEqual(3);
});

describe.each(kinds)('a service with %s, as %s prints it', (kind, readme) => {
  let service: StartedServer;
  let url: string;

  beforeAll(async () => {
    const [servicePort = 0] = await findFreePorts(1);
    url = `http://127.0.0.1:${servicePort}`;
    const own = join(folder, kind);
    mkdirSync(own);
    const env = writeService(kind, own, programOf(kind, readme, servicePort));
    const start = startOf(kind, servicePort);
    service = await startServer(url, ['bash', '-euc', start], { cwd: own, env });
  });

  afterAll(async () => service?.stop());

  const ask = (token?: string, path = '/'): Promise<Response> =>
    fetch(`${url}${path}`, token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } });
  const statusOf = async (token: string, path?: string): Promise<number> => (await ask(token, path)).status;

  it('knows who calls', async () => {
    const answer = await ask(user.token);
    expect([answer.status, await answer.text()]).toEqual([200, expect.stringContaining(user.user.id)]);
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

  it('refuses two credentials, whichever of them is good', async () => {
    for (const authorization of [
      [`Bearer ${user.token}`, 'Basic dTpw'],
      ['Basic dTpw', `Bearer ${user.token}`],
    ]) {
      const { status } = await rawRequest(url, { path: '/', headers: { Authorization: authorization } });
      expect([authorization[0]?.slice(0, 6), status]).toEqual([authorization[0]?.slice(0, 6), 401]);
    }
  });

  it('reads the keys at most twice for a hundred tokens that name made-up keys', async () => {
    const readings = (): number =>
      gateway.log.filter((line) => line.includes('/.well-known/jwks.json')).length;
    const before = readings();
    for (let index = 0; index < 100; index += 1) {
      expect(await statusOf(await forged({}, { kid: `made-up-${index}` }))).toBe(401);
    }
    // It may have been time for the one, and a cool-down may have ended before the other.
    expect(readings() - before).toBeLessThanOrEqual(2);
  });

  it('takes tokens of new and old keys while the keys rotate under load, without a failure', async () => {
    const ring = gateway.app.get(SigningKeyRing, { strict: false });
    const before = ring.signing().kid;
    const statuses: number[] = [];
    const askers = Array.from({ length: 5 }, async () => {
      for (let count = 0; count < 20; count += 1) {
        statuses.push(await statusOf((await gateway.session()).token));
        statuses.push(await statusOf(user.token));
      }
    });
    expect(await gateway.app.get(SigningKeyRotation, { strict: false }).rotate()).toBe(true);
    await Promise.all(askers);
    expect(ring.signing().kid).not.toBe(before);
    expect(statuses).toEqual(Array.from({ length: 200 }, () => 200));
  });

  it('verifies while the gateway is stopped', async () => {
    const server = gateway.app.getHttpServer();
    const fresh = await gateway.session();
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
    try {
      expect(await statusOf(user.token)).toBe(200);
      expect(await statusOf(fresh.token)).toBe(200);
    } finally {
      server.listen(port, '127.0.0.1');
      await once(server, 'listening');
    }
    expect(await statusOf(await forged({}))).toBe(200);
    expect(service.errors()).not.toMatch(/error|exception|panic/i);
  });
});
