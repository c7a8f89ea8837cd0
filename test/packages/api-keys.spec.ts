import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Verifier, type VerifierOptions, createVerifier } from '@vestibule-auth/verify';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { apiKeyId } from '../../packages/verify/src/api.key.js';
import { makeApiKey, parseApiKey } from '../../src/api-keys/api-key-format.js';
import { findFreePorts } from '../../src/launcher/port-finder.js';
import { newId } from '../../src/platform/core/identifier.js';
import { RevocationService } from '../../src/session/revocation/revocation.service.js';
import { administratorAt } from '../support/administrator.js';
import { makeKey, plantOrg, send } from '../support/api.caller.js';
import { type Gateway, type HeldSession, startGateway } from '../support/gateway.js';
import { installPackages, packPackages } from '../support/packed.packages.js';
import {
  type ServiceKind,
  type StartedServer,
  startOf,
  startServer,
  writeService,
} from '../support/service.program.js';
import { waitUntil } from '../support/stack.js';

const folder = mkdtempSync(join(tmpdir(), 'vestibule-api-keys-'));

/** A service with each guard: who calls, and for administrators the claims. */
const programs = {
  express: `
    import express from 'express';
    import { vestibule } from '@vestibule-auth/express';
    const guard = vestibule(OPTIONS);
    const app = express();
    app.get('/', guard(), (request, response) => response.json(request.auth.user));
    app.get('/admin', guard({ role: 'admin' }), (request, response) => response.json(request.auth.claims));
    app.listen(PORT);`,
} satisfies Partial<Record<ServiceKind, string>>;
/** The other frameworks' services take API keys in services.spec.ts. */
const frameworks = ['express'] as const;

let gateway: Gateway;
let issuer: string;
let port: number;
let administrator: HeldSession;
/** An API key with which services subscribe. */
let revocationsKey: string;
const verifiers: Verifier[] = [];

beforeAll(async () => {
  installPackages(folder, packPackages(join(folder, 'packed')));
  [port = 0] = await findFreePorts(1);
  issuer = `http://localhost:${port}`;
  gateway = await startGateway({ PUBLIC_URL: issuer, PORT: String(port) });
  await gateway.app.listen(port, '127.0.0.1');
  administrator = await administratorAt(gateway);
  revocationsKey = (
    await makeKey(gateway, { authorization: administrator.bearer }, { scope: 'revocations:read' })
  ).key;
});

afterAll(async () => {
  verifiers.forEach((verifier) => verifier.close());
  await gateway?.stop();
  rmSync(folder, { recursive: true, force: true });
});

type Ask = (headers: Readonly<Record<string, string>>, path?: string) => Promise<Response>;

/** How often the gateway was asked to exchange something. */
const exchanges = (): number => gateway.log.filter((line) => line.includes('"/auth/token"')).length;
const requests = (): number => gateway.log.filter((line) => line.includes('"status":')).length;
const withKey = (key: string) => ({ 'x-api-key': key });

const optionsOf = () => ({
  issuer,
  audience: issuer,
  apiKeys: true,
  revocations: { key: revocationsKey },
});

/** A handler that takes API keys, as an edge runtime has it. */
function protectedHandler(options: Partial<VerifierOptions> = {}): Ask {
  const verifier = createVerifier({ ...optionsOf(), ...options });
  verifiers.push(verifier);
  const hello = verifier.protect((_request, { user }) => Response.json(user));
  const admin = verifier.protect((_request, { claims }) => Response.json(claims), { role: 'admin' });
  const profile = verifier.protect((_request, { claims }) => Response.json(claims), {
    scope: 'profile:read',
  });
  return async (headers, path = '/') =>
    (({ '/': hello, '/admin': admin })[path] ?? profile)(new Request(`${issuer}${path}`, { headers }));
}

async function keyOf(held: HeldSession, body: Readonly<Record<string, unknown>> = {}) {
  return makeKey(gateway, { authorization: held.bearer }, { scope: 'api', ...body });
}

async function revoke(held: HeldSession, id: string): Promise<void> {
  const { status } = await send(gateway, 'DELETE', `/api/v1/api-keys/${id}`, { authorization: held.bearer });
  expect(status).toBe(204);
}

async function setRole(held: HeldSession, role: 'admin' | 'user'): Promise<void> {
  const as = { authorization: administrator.bearer };
  const path = `/api/v1/users/${held.user.id}`;
  const { etag = '' } = (await gateway.request(path, { headers: as })).headers;
  const { status } = await send(gateway, 'PATCH', path, { ...as, 'if-match': etag }, { role });
  expect(status).toBe(200);
}

/** Asks until the status has changed. @throws if it is another meanwhile. */
async function statusChanges(ask: () => Promise<Response>, from: number, to: number): Promise<void> {
  await waitUntil(async () => {
    const { status } = await ask();
    expect([from, to]).toContain(status);
    return status === to;
  }, `${to} instead of ${from}`);
}

async function startService(
  kind: (typeof frameworks)[number],
): Promise<{ ask: Ask; service: StartedServer }> {
  const [servicePort = 0] = await findFreePorts(1);
  const url = `http://127.0.0.1:${servicePort}`;
  const own = join(folder, kind);
  mkdirSync(own);
  const program = programs[kind]
    .replace('OPTIONS', JSON.stringify(optionsOf()))
    .replace('PORT', String(servicePort));
  const env = writeService(kind, own, program);
  const service = await startServer(url, ['bash', '-euc', startOf(kind, servicePort)], { cwd: own, env });
  return { ask: async (headers, path = '/') => fetch(`${url}${path}`, { headers }), service };
}

describe.each([...frameworks, 'protect' as const])('a service with %s', (kind) => {
  let ask: Ask;
  let service: StartedServer | undefined;
  let held: HeldSession;
  let made: { readonly id: string; readonly key: string };

  beforeAll(async () => {
    if (kind === 'protect') {
      ask = protectedHandler();
    } else {
      ({ ask, service } = await startService(kind));
    }
  });

  afterAll(async () => service?.stop());

  beforeEach(async () => {
    held = await gateway.session();
    made = await keyOf(held);
  });

  it('knows who calls by an API key, and asks the gateway once', async () => {
    const before = exchanges();
    const answers = await Promise.all(Array.from({ length: 100 }, async () => ask(withKey(made.key))));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(await answers[0]?.json()).toMatchObject({ id: held.user.id });
    expect(exchanges() - before).toBe(1);
    const asked = requests();
    for (let count = 0; count < 20; count += 1) {
      expect((await ask(withKey(made.key))).status).toBe(200);
    }
    // The gateway takes a key as a bearer as well.
    expect((await ask({ authorization: `Bearer ${made.key}` })).status).toBe(200);
    expect((await ask({ authorization: held.bearer })).status).toBe(200);
    expect(requests()).toBe(asked);
  });

  it('refuses a revoked key, without asking the gateway', async () => {
    expect((await ask(withKey(made.key))).status).toBe(200);
    const before = exchanges();
    await revoke(held, made.id);
    await statusChanges(async () => ask(withKey(made.key)), 200, 401);
    const refused = await ask(withKey(made.key));
    expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([
      401,
      'Bearer error="invalid_token"',
    ]);
    expect(await refused.json()).toMatchObject({ code: 'unauthenticated' });
    expect(exchanges()).toBe(before);
  });

  it('knows of a new role, without a refusal in between', async () => {
    expect((await ask(withKey(made.key), '/admin')).status).toBe(403);
    await setRole(held, 'admin');
    const askBoth = async (): Promise<Response> => {
      expect((await ask(withKey(made.key))).status).toBe(200);
      return ask(withKey(made.key), '/admin');
    };
    await statusChanges(askBoth, 403, 200);
    await setRole(held, 'user');
    await statusChanges(askBoth, 200, 403);
  });

  it('refuses the key of a disabled user', async () => {
    expect((await ask(withKey(made.key))).status).toBe(200);
    const { status } = await send(gateway, 'POST', `/api/v1/users/${held.user.id}/disable`, {
      authorization: administrator.bearer,
    });
    expect(status).toBe(200);
    await statusChanges(async () => ask(withKey(made.key)), 200, 401);
  });

  it('refuses two credentials, as the gateway does', async () => {
    const both = { ...withKey(made.key), authorization: held.bearer };
    const [here, there] = [await ask(both), await fetch(`${issuer}/auth/session`, { headers: both })];
    expect([here.status, there.status]).toEqual([400, 400]);
    const [mine, theirs] = [await here.json(), await there.json()];
    for (const member of ['code', 'title', 'detail', 'status']) {
      expect([member, Reflect.get(Object(mine), member)]).toEqual([
        member,
        Reflect.get(Object(theirs), member),
      ]);
    }
  });

  it('opens to a narrowed key only what names its scope', async () => {
    const narrow = await keyOf(held, { scope: 'profile:read' });
    const refused = await ask(withKey(narrow.key));
    expect([refused.status, await refused.json()]).toMatchObject([403, { code: 'insufficient_scope' }]);
  });

  it('refuses what is not a key, without asking the gateway', async () => {
    const asked = requests();
    for (const key of ['', 'x', 'vst_', made.key.slice(0, -1), `${made.key}0`, `${made.key}, ${made.key}`]) {
      expect([key.slice(0, 9), (await ask(withKey(key))).status]).toEqual([key.slice(0, 9), 401]);
    }
    expect(requests()).toBe(asked);
  });
});

describe('an API key', () => {
  let held: HeldSession;

  beforeEach(async () => {
    held = await gateway.session();
  });

  it('is refused as before where keys are not taken', async () => {
    const { key } = await keyOf(held);
    const reasons: string[] = [];
    const ask = protectedHandler({ apiKeys: false, onRefused: ({ reason }) => reasons.push(reason) });
    const before = exchanges();
    expect((await ask(withKey(key))).status).toBe(401);
    expect((await ask({ authorization: `Bearer ${key}` })).status).toBe(401);
    // Another service behind the same proxy may take it.
    expect((await ask({ ...withKey(key), authorization: held.bearer })).status).toBe(200);
    expect(reasons).toEqual(['token_missing', 'token_malformed']);
    expect(exchanges()).toBe(before);
  });

  it('that was narrowed opens what names its scope', async () => {
    const { key } = await keyOf(held, { scope: 'profile:read' });
    const answer = await protectedHandler()(withKey(key), '/profile');
    expect([answer.status, await answer.json()]).toMatchObject([200, { scope: 'profile:read' }]);
  });

  it('of an organisation acts for it, until it is revoked', async () => {
    const orgId = await plantOrg(gateway, `org-${newId().slice(-8)}`, { owner: held });
    const made = await makeKey(
      gateway,
      { authorization: held.bearer },
      { scope: 'profile:read' },
      `/api/v1/orgs/${orgId}/api-keys`,
    );
    const ask = protectedHandler();
    const answer = await ask(withKey(made.key), '/profile');
    expect([answer.status, await answer.json()]).toMatchObject([200, { org: { id: orgId }, sid: made.id }]);
    const { status } = await send(gateway, 'DELETE', `/api/v1/orgs/${orgId}/api-keys/${made.id}`, {
      authorization: held.bearer,
    });
    expect(status).toBe(204);
    await statusChanges(async () => ask(withKey(made.key), '/profile'), 200, 401);
  });

  it('is refused when it expires', async () => {
    const { key } = await keyOf(held, { expiresAt: new Date(Date.now() + 3000).toISOString() });
    const reasons: string[] = [];
    const ask = protectedHandler({ onRefused: ({ reason }) => reasons.push(reason) });
    expect((await ask(withKey(key))).status).toBe(200);
    await statusChanges(async () => ask(withKey(key)), 200, 401);
    expect(reasons).toEqual(['api_key_refused']);
  });

  it('lives on when every session is ended, as at the gateway', async () => {
    const { key } = await keyOf(held);
    const ask = protectedHandler();
    expect((await ask(withKey(key))).status).toBe(200);
    const moment = Date.now() + 1;
    await gateway.app.get(RevocationService, { strict: false }).endEverythingBefore(moment);
    await statusChanges(async () => ask({ authorization: held.bearer }), 200, 401);
    expect((await ask(withKey(key))).status).toBe(200);
    expect((await fetch(`${issuer}/auth/session`, { headers: withKey(key) })).status).toBe(200);
    await waitUntil(() => Date.now() > moment, 'the next millisecond');
    administrator = await administratorAt(gateway);
  });

  it('that was being exchanged when its user was changed is exchanged again', async () => {
    const { key } = await keyOf(held);
    let answered = 0;
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    const ask = protectedHandler({
      fetch: async (input, init) => {
        const answer = await fetch(input, init);
        if (String(input).endsWith('/auth/token')) {
          answered += 1;
          await released;
        }
        return answer;
      },
    });
    expect((await ask({ authorization: held.bearer })).status).toBe(200);
    const answers = Array.from({ length: 20 }, async () => ask(withKey(key), '/admin'));
    await waitUntil(() => answered === 1, 'the answer to be on its way');
    await setRole(held, 'admin');
    await statusChanges(async () => ask({ authorization: held.bearer }), 200, 401);
    answers.push(ask(withKey(key), '/admin'));
    release();
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual(
      Array.from({ length: 21 }, () => 200),
    );
    expect(answered).toBe(2);
  });

  it('that is known is taken while the gateway is stopped, an unknown one when it is back', async () => {
    const [known, unknown, revoked] = [await keyOf(held), await keyOf(held), await keyOf(held)];
    const ask = protectedHandler();
    for (const { key } of [known, revoked]) {
      expect((await ask(withKey(key))).status).toBe(200);
    }
    await revoke(held, revoked.id);
    await statusChanges(async () => ask(withKey(revoked.key)), 200, 401);
    const server = gateway.app.getHttpServer();
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
    try {
      expect((await ask(withKey(known.key))).status).toBe(200);
      expect((await ask(withKey(revoked.key))).status).toBe(401);
      const refused = await ask(withKey(unknown.key));
      expect([refused.status, refused.headers.get('retry-after'), await refused.json()]).toMatchObject([
        503,
        '1',
        { code: 'keys_unavailable' },
      ]);
    } finally {
      server.listen(port, '127.0.0.1');
      await once(server, 'listening');
    }
    await statusChanges(async () => ask(withKey(unknown.key)), 503, 200);
    expect((await ask(withKey(known.key))).status).toBe(200);
  });

  it('that is made up costs few exchanges, however many there are, and known keys stay', async () => {
    const known = await keyOf(held);
    const ask = protectedHandler();
    expect((await ask(withKey(known.key))).status).toBe(200);
    const before = exchanges();
    const flood = Array.from({ length: 1000 }, () => makeApiKey(newId()).key);
    const answers = await Promise.all(flood.map(async (key) => ask(withKey(key))));
    const others = answers.filter(({ status }) => status !== 401 && status !== 503);
    expect(others.map(({ status }) => status)).toEqual([]);
    for (const key of flood.slice(0, 100)) {
      await ask(withKey(key));
    }
    await waitUntil(async () => (await ask(withKey(flood[0] ?? ''))).status === 401, 'a refusal');
    expect(exchanges() - before).toBeLessThan(50);
    // On a busy machine an exchange may have come too late, after which there is none for a second. Then strangers alone have to wait.
    const unknown = async (): Promise<Response> => ask(withKey(makeApiKey(newId()).key));
    await waitUntil(
      async () => (await unknown()).headers.get('retry-after') === '12',
      'only known keys to go on',
    );
    // The known one is exchanged again meanwhile.
    await setRole(held, 'admin');
    await statusChanges(async () => ask(withKey(known.key), '/admin'), 403, 200);
  });
});

describe('the form of keys', () => {
  it('is the one in which the gateway makes them', () => {
    const id = newId();
    const { key } = makeApiKey(id);
    expect(apiKeyId(key)).toBe(id);
    const changed = fc.tuple(fc.nat(key.length - 1), fc.string({ minLength: 0, maxLength: 2 }));
    fc.assert(
      fc.property(changed, ([index, text]) => {
        const other = key.slice(0, index) + text + key.slice(index + 1);
        expect(apiKeyId(other)).toBe(parseApiKey(other)?.id);
      }),
      { numRuns: 2000 },
    );
  });
});
