import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { findFreePorts } from '../../src/launcher/port-finder.js';
import { SigningKeyRing } from '../../src/session/tokens/signing-key-ring.js';
import { checkout } from '../journeys/started.vestibule.js';
import { administratorAt } from '../support/administrator.js';
import { makeKey } from '../support/api.caller.js';
import { goEnvironment } from '../support/cached.part.js';
import { type Gateway, type HeldSession, startGateway } from '../support/gateway.js';
import { envoyCommand, proxyLimit, startEcho } from '../support/forward.proxy.js';
import { buildGo, goModule } from '../support/go.program.js';
import { rawRequest } from '../support/raw.request.js';
import { type StartedServer, startServer } from '../support/service.program.js';
import { encode, signHmac } from '../support/token.forge.js';

const echoSchema = z.looseObject({ headers: z.record(z.string(), z.unknown()) });
const folder = mkdtempSync(join(tmpdir(), 'vestibule-mesh-'));
const example = (path: string): string => readFileSync(join(checkout, 'examples/mesh', path), 'utf8');

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Writes a text to a file. @returns its path. */
function fileOf(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

/** Runs a program, beside which the gateway answers. @returns what it prints. @throws what it says is wrong. */
async function output(program: string, args: readonly string[], input = '', options = {}): Promise<string> {
  const running = promisify(execFile)(program, args, options);
  if (input !== '') {
    running.child.stdin?.end(input);
  }
  return (await running).stdout;
}

describe('the example for Envoy', () => {
  let program: string;
  let gateway: Gateway;
  let service: { stop(): Promise<void> };
  let envoy: StartedServer;
  let front: string;
  let issuer: string;
  let config: string;
  let user: HeldSession;
  let administrator: HeldSession;

  beforeAll(async () => {
    program = join(await buildGo('envoy-check'), 'envoy-check');
    const [port = 0, frontPort = 0, servicePort = 0] = await findFreePorts(3);
    issuer = `http://localhost:${port}`;
    gateway = await startGateway({ PUBLIC_URL: issuer, PORT: String(port) });
    await gateway.app.listen(port, '127.0.0.1');
    [user, administrator] = [await gateway.session(), await administratorAt(gateway)];
    const text = example('envoy-jwt-authn/envoy.yaml')
      .replaceAll('http://localhost:3000', issuer)
      .replaceAll('port_value: 8000', `port_value: ${frontPort}`)
      .replaceAll('port_value: 3000', `port_value: ${port}`)
      .replaceAll('port_value: 8080', `port_value: ${servicePort}`);
    config = fileOf('envoy.yaml', text);
    service = await startEcho(servicePort);
    front = `http://127.0.0.1:${frontPort}`;
    envoy = await startServer(`${front}/public/ready`, await envoyCommand(config), { cwd: folder, env: {} });
  }, proxyLimit);

  afterAll(async () => {
    await envoy?.stop();
    await service?.stop();
    await gateway?.stop();
  });

  it('is what its own message types and rules allow', async () => {
    const kinds = (await output(program, [config])).match(/\w+$/gm);
    expect(kinds).toEqual(['HeaderMutation', 'JwtAuthentication', 'RBAC']);
    const wrong = fileOf('wrong.yaml', readFileSync(config, 'utf8').replace('issuer:', 'isuer:'));
    await expect(output(program, [wrong])).rejects.toThrow('isuer');
  });

  const ask = async (path: string, token: string, headers = {}): Promise<Response> =>
    rawRequest(front, { path, headers: { ...headers, authorization: `Bearer ${token}` } });
  /** What Envoy answers requests, one after another. */
  const statusesOf = async (
    requests: readonly (readonly [path: string, token: string])[],
  ): Promise<readonly number[]> => {
    const statuses: number[] = [];
    for (const [path, token] of requests) {
      statuses.push((await ask(path, token)).status);
    }
    return statuses;
  };

  const forged = async (claims: Readonly<Record<string, unknown>>, header = {}): Promise<string> => {
    const { kid, alg, key } = gateway.app.get(SigningKeyRing, { strict: false }).signing();
    const all = JSON.parse(JSON.stringify({ ...user.claims, ...claims }));
    return new SignJWT(all).setProtectedHeader({ alg, typ: 'at+jwt', kid, ...header }).sign(key);
  };

  it('admits the tokens of a gateway where they may go, and refuses others', async () => {
    const [head, , signature] = user.token.split('.');
    const { kid } = gateway.app.get(SigningKeyRing, { strict: false }).signing();
    const jwks = await (await fetch(`${issuer}/.well-known/jwks.json`)).text();
    const cases = [
      ['/api/notes', user.token, 200],
      ['/api/notes', administrator.token, 200],
      ['/admin/users', user.token, 403],
      ['/admin/users', administrator.token, 200],
      ['/admin', user.token, 403],
      ['/admin?x=1', user.token, 403],
      ['/admin', administrator.token, 200],
      ['/administrators', administrator.token, 404],
      ['/admin/users', await forged({ roles: ['support'] }), 403],
      ['/public/logo.png', '', 200],
      ['/api/notes', '', 401],
      ['/api/notes', 'a.b.c', 401],
      ['/api/notes', `${head}.${encode({ ...user.claims, roles: ['admin'] })}.${signature}`, 401],
      ['/api/notes', `${encode({ kid, alg: 'none' })}.${encode(user.claims)}.`, 401],
      ['/api/notes', await signHmac(Buffer.from(jwks), { kid }, user.claims), 401],
      ['/api/notes', await forged({ exp: 1_700_000_000 }), 401],
      ['/api/notes', await forged({ exp: undefined }), 401],
      ['/api/notes', await forged({ nbf: 4_000_000_000 }), 401],
      ['/api/notes', await forged({ aud: 'https://other.example.test' }), 403],
      ['/api/notes', await forged({ iss: 'https://evil.example' }), 401],
      ['/api/notes', await forged({}, { kid: 'unknown' }), 401],
      ['/api/notes', await forged({ scope: 'profile:read' }), 403],
      ['/api/notes', await forged({ scope: 'api:read' }), 403],
      ['/api/notes', await forged({ scope: undefined }), 403],
    ] as const;
    expect(await statusesOf(cases.map(([path, token]) => [path, token]))).toEqual(
      cases.map(([, , status]) => status),
    );
  });

  it('tells the service who calls, and nothing that the caller says of it [W03]', async () => {
    const forged = { 'x-auth-user': 'root', 'x-original-url': '/admin', 'x-rewrite-url': '/admin' };
    const [inside, open] = [
      echoSchema.parse(await (await ask('/api/notes', user.token, forged)).json()),
      echoSchema.parse(await (await ask('/public/x', user.token, forged)).json()),
    ];
    expect(inside.headers).toMatchObject({
      'x-auth-user': user.claims.sub,
      authorization: `Bearer ${user.token}`,
    });
    const names = new Set(['x-auth-user', 'x-original-url', 'x-rewrite-url', 'authorization']);
    expect(Object.keys(open.headers).filter((name) => names.has(name))).toEqual([]);
    expect((await ask('/api/notes', user.token, { X_Auth_User: 'root' })).status).toBe(400);
  });

  it('refuses what the gateway signs for other purposes: a message about ended sessions', async () => {
    const as = { authorization: administrator.bearer };
    const { key } = await makeKey(gateway, as, { scope: 'revocations:read' });
    const stream = await fetch(`${issuer}/auth/revocations/stream`, {
      headers: { authorization: `Bearer ${key}` },
    });
    const reader = stream.body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    while (!/^data: \S+\n/m.test(text)) {
      text += (await reader?.read())?.value ?? '';
    }
    await reader?.cancel();
    const message = /^data: (\S+)\n/m.exec(text)?.[1] ?? '';
    expect(message.split('.')).toHaveLength(3);
    // Its audience is another one.
    expect(await statusesOf([['/api/notes', message]])).toEqual([403]);
  });

  it('accepts a token of an ended session until it expires, and one of another type: as docs/verify.md states', async () => {
    const held = await gateway.session();
    const headers = { cookie: held.cookie, origin: issuer };
    expect((await gateway.request('/auth/logout', { method: 'POST', headers })).status).toBeLessThan(400);
    const other = await forged({}, { typ: 'JWT' });
    expect(
      await statusesOf([
        ['/api/notes', held.token],
        ['/api/notes', other],
      ]),
    ).toEqual([200, 200]);
  });
});

describe('the examples for Kubernetes', () => {
  let program: string;
  /** Of the kinds of resources in each example. */
  let definitions: ReadonlyMap<string, readonly string[]>;

  beforeAll(async () => {
    program = join(await buildGo('mesh-check'), 'mesh-check');
    const files = {
      'github.com/envoyproxy/gateway':
        'charts/gateway-helm/charts/crds/crds/generated/gateway.envoyproxy.io_securitypolicies.yaml',
      'sigs.k8s.io/gateway-api': 'config/crd/standard/gateway.networking.k8s.io_httproutes.yaml',
      'istio.io/api': 'kubernetes/customresourcedefinitions.gen.yaml',
    };
    const go = { cwd: goModule('mesh-definitions'), env: goEnvironment() };
    const printed = await Promise.all(
      Object.keys(files).map(async (module) => output('go', ['mod', 'download', '-json', module], '', go)),
    );
    const folders = printed.map((json) => z.object({ Dir: z.string() }).parse(JSON.parse(json)).Dir);
    const paths = Object.values(files).map((file, index) => join(folders[index] ?? '', file));
    definitions = new Map([
      ['envoy-gateway', paths.slice(0, 2)],
      ['istio', paths.slice(2)],
    ]);
  }, 600_000);

  const check = async (name: string, text: string): Promise<string> =>
    output(program, [fileOf('resources.yaml', text), ...(definitions.get(name) ?? [])]);

  it.each([
    ['envoy-gateway', ['HTTPRoute', 'SecurityPolicy']],
    ['istio', ['RequestAuthentication', 'AuthorizationPolicy']],
  ])('%s: an API server would take each resource', async (name, kinds) => {
    expect(await check(name, example(`${name}/notes.yaml`))).toBe(
      kinds.map((kind) => `${kind} notes\n`).join(''),
    );
  });

  it.each([
    ['a misspelt field', 'envoy-gateway', 'audiences:', 'audience:', 'unknown fields'],
    [
      'a value of the wrong type',
      'envoy-gateway',
      /audiences: \[(.*)\]/,
      'audiences: $1',
      'must be of type array',
    ],
    ['a missing field', 'envoy-gateway', / *uri: .*\n/, '', 'Required value'],
    [
      'a rule without a caller',
      'envoy-gateway',
      /(?<='\/api\/\.\*' \}\n) *principal:\n(?: {10,}.*\n)+(?=.*name: administrators)/,
      '',
      'at least one of principal or cel',
    ],
    ['a misspelt action', 'istio', 'action: ALLOW', 'action: PERMIT', 'Unsupported value'],
    ['an issuer that is empty', 'istio', /issuer: .*/, "issuer: ''", 'issuer'],
  ])('finds %s', async (_what, name, found, replacement, problem) => {
    const text = example(`${name}/notes.yaml`);
    const broken = text.replace(found, replacement);
    expect(broken).not.toBe(text);
    await expect(check(name, broken)).rejects.toThrow(problem);
  });
});

describe('the example for Envoy Gateway', () => {
  /** The rules that decide, in their order: the first that fits. */
  const rules = example('envoy-gateway/notes.yaml')
    .split(/^ {6}- name: (?!vestibule)/m)
    .slice(1)
    .map((text) => {
      const [flags = '', pattern = ''] = /value: '(\(\?i\))?(.*)'/.exec(text)?.slice(1) ?? [];
      return {
        action: /action: (\w+)/.exec(text)?.[1],
        // Envoy matches the whole of `:path`, with the query.
        path: pattern === '' ? undefined : new RegExp(`^(?:${pattern})$`, flags === '' ? '' : 'i'),
        needsAdministrator: text.includes('values: [admin]'),
        needsScope: text.includes('scopes: [api]'),
      };
    });

  /** Whether a token with the scope `api` comes to a path. */
  const opens = (path: string, isAdministrator: boolean): boolean =>
    rules.find((rule) => rule.path?.test(path) !== false && (isAdministrator || !rule.needsAdministrator))
      ?.action === 'Allow';

  it('has no rule that admits a token without the scope', () => {
    expect(rules.map(({ action, needsScope }) => [action, needsScope])).toEqual([
      ['Deny', true],
      ['Allow', true],
      ['Allow', true],
    ]);
    expect(example('envoy-gateway/notes.yaml')).toContain('defaultAction: Deny');
  });

  it.each([
    '/admin',
    '/admin/users',
    '/admin?x=/api/',
    '/admin;x',
    '/admin.json',
    '/Admin/users',
    '/admin%3Bx',
    '/adm%69n',
    '/;x/admin',
    '/index.php/admin',
    '/api',
    '/api;x/admin',
    '/api?/admin',
  ])('opens %s to administrators only [H04]', (path) => {
    expect([opens(path, false), opens(path, true)]).toEqual([false, true]);
  });

  it.each([
    '/api/..;/admin',
    '/api/..;x=/admin',
    '/api/.;/../admin',
    '/api/..%3b/admin',
    '/api/..%253B/admin',
    '/api/..%2Fadmin',
    '/api/..%252fadmin',
    '/api/%2e%2e/admin',
    '/api/%252E./admin',
    '/api/..\\admin',
    '/api/..%5cadmin',
    '/api/..',
    '/api/..?x',
    '/api//../admin',
    '//admin/users',
  ])('opens %s to nobody [H04]', (path) => {
    expect([opens(path, false), opens(path, true)]).toEqual([false, false]);
  });

  it.each([
    '/api/',
    '/api/v1/notes',
    '/api/notes/a%20b..c',
    '/api/notes?next=/a//b%2F../c',
    '/api/.well-known',
  ])('opens %s to every token with the scope', (path) => {
    expect([opens(path, false), opens(path, true)]).toEqual([true, true]);
  });
});

describe('the example for Istio', () => {
  const rules = example('istio/notes.yaml')
    .split(/^ {4}- from:/m)
    .slice(1);

  /** Whether patterns of a rule name a path, as Istio reads them: a `*` at the end stands for anything. */
  const isNamed = (rule: string, field: string, path: string): boolean | undefined =>
    new RegExp(` ${field}: \\[(.*)\\]`)
      .exec(rule)?.[1]
      ?.replaceAll("'", '')
      .split(', ')
      .some((pattern) => (pattern.endsWith('*') ? path.startsWith(pattern.slice(0, -1)) : path === pattern));

  /** Whether some rule opens a path to a token with the scope `api`. */
  const opens = (path: string, isAdministrator: boolean): boolean =>
    rules.some(
      (rule) =>
        (isAdministrator || !rule.includes('claims[roles]')) &&
        isNamed(rule, 'paths', path) !== false &&
        isNamed(rule, 'notPaths', path) !== true,
    );

  it.each([
    '/admin',
    '/admin/users',
    '/admin;x',
    '/admin.json',
    '/Admin/users',
    '//admin/users',
    '/admin%2Fusers',
    '/admin%3Bx',
    '/adm%69n',
    '/;x/admin',
    '/index.php/admin',
  ])('opens %s to administrators only [H04]', (path) => {
    expect([opens(path, false), opens(path, true)]).toEqual([false, true]);
  });

  it('names the setting of the mesh without which a path may lead out of the API', () => {
    expect(opens('/api/..%2Fadmin', false)).toBe(true);
    expect(example('istio/notes.yaml')).toContain('normalization: DECODE_AND_MERGE_SLASHES');
  });

  it('opens the API to every token with the scope', () => {
    expect([opens('/api/v1/notes', false), opens('/api/v1/notes', true)]).toEqual([true, true]);
  });
});

it('each example names one issuer and audience, and reads tokens from the header alone', () => {
  for (const path of ['envoy-jwt-authn/envoy.yaml', 'envoy-gateway/notes.yaml', 'istio/notes.yaml']) {
    const text = example(path);
    const issuer = /issuer: (\S+)/.exec(text)?.[1];
    expect([path, /audiences: \[(\S+)\]/.exec(text)?.[1]]).toEqual([path, issuer]);
    expect(text).toContain(`${issuer}/.well-known/jwks.json`);
    expect(text).toMatch(/name: Authorization\n *(?:value_prefix|valuePrefix|prefix): 'Bearer '/);
  }
});
