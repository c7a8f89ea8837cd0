import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { promisify } from 'node:util';
import { AuthError, type RevocationOptions, type Verifier, createVerifier } from '@vestibule-auth/verify';
import { SignJWT, decodeJwt } from 'jose';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { findFreePorts } from '../../../../launcher/port-finder.js';
import { exchangeGrantType, tokenTypes } from '../../../../session/tokens/token-types.js';
import { Database, type RevocationRow } from '../../../../platform/database/database.schema.js';
import { newId } from '../../../../platform/core/identifier.js';
import { RevocationFeed } from '../../../../session/revocation/revocation-feed.js';
import { RevocationService } from '../../../../session/revocation/revocation.service.js';
import { SigningKeyRing } from '../../../../session/tokens/signing-key-ring.js';
import { SigningKeyRotation } from '../../../../session/tokens/signing-key-rotation.js';
import { administratorAt } from '../../../../../test/support/administrator.js';
import { type Credential, exchange, makeKey, send, textOf } from '../../../../../test/support/api.caller.js';
import { recordStatements } from '../../../../../test/support/call.counter.js';
import { type FreshDatabase, migratedDatabase } from '../../../../../test/support/fresh.database.js';
import {
  type Gateway,
  type HeldSession,
  newSecret,
  startGateway,
} from '../../../../../test/support/gateway.js';
import { TcpRelay } from '../../../../../test/support/tcp.relay.js';
import { waitUntil } from '../../../../../test/support/stack.js';

let database: FreshDatabase;
let gateway: Gateway;
let issuer: string;
let administrator: HeldSession;
/** An API key that may read revocations and nothing else. */
let key: { readonly id: string; readonly key: string };
const verifiers: Verifier[] = [];

beforeAll(async () => {
  database = await migratedDatabase('postgres', inject('postgresUrl'));
  const [port = 0] = await findFreePorts(1);
  issuer = `http://localhost:${port}`;
  const env = { PUBLIC_URL: issuer, PORT: String(port), DATABASE_URL: database.url, SECRETS: newSecret() };
  gateway = await startGateway(env);
  await gateway.app.listen(port, '127.0.0.1');
  administrator = await administratorAt(gateway);
});

afterAll(async () => {
  await gateway?.stop();
  await database?.drop();
});

beforeEach(async () => {
  key = await makeKey(gateway, { authorization: administrator.bearer }, { scope: 'revocations:read' });
});

afterEach(() => {
  verifiers.splice(0).forEach((verifier) => verifier.close());
});

interface Options extends Partial<RevocationOptions> {
  /** Origin at which the gateway is reached. */
  readonly at?: string;
}

function subscribe({ at = issuer, ...revocations }: Options = {}): Verifier {
  const verifier = createVerifier({
    issuer,
    audience: issuer,
    jwksUri: `${at}/.well-known/jwks.json`,
    revocations: { key: key.key, ...revocations },
  });
  verifiers.push(verifier);
  return verifier;
}

/** The reason of a refusal; undefined for a token that is accepted. */
async function reasonOf(verifier: Verifier, token: string): Promise<string | undefined> {
  try {
    await verifier.verify(token, { scope: [] });
    return undefined;
  } catch (error) {
    if (error instanceof AuthError) {
      return error.reason;
    }
    throw error;
  }
}

const session = { subject_token_type: tokenTypes.session };

/** A bearer that the gateway exchanges. */
async function tokenOf(form: Readonly<Record<string, string>>, as: Credential = {}): Promise<string> {
  return textOf(await exchange(gateway, { grant_type: exchangeGrantType, ...form }, as), 'access_token');
}

const logOut = async ({ cookie }: HeldSession): Promise<unknown> =>
  gateway.request('/auth/logout', { method: 'POST', headers: { cookie, origin: issuer } });

async function untilRefused(verifier: Verifier, token: string, reason: string): Promise<void> {
  await waitUntil(async () => (await reasonOf(verifier, token)) === reason, `${reason} to be known`);
}

/** A verifier whose stream is changed on its way, event by event, and whose requests that name one id are refused. */
function through(change: (event: string) => string, refusedId?: string): Verifier {
  const verifier = createVerifier({
    issuer,
    audience: issuer,
    revocations: { key: key.key, whenLost: 'refuse', lostAfter: 10 },
    fetch: async (input, init) => {
      if (refusedId !== undefined && new Headers(init?.headers).get('last-event-id') === refusedId) {
        return new Response(null, { status: 400 });
      }
      const answer = await fetch(input, init);
      let rest = '';
      const events = new TransformStream<string, string>({
        transform(chunk, controller) {
          const parts = `${rest}${chunk}`.split('\n\n');
          rest = parts.pop() ?? '';
          parts.forEach((part) => controller.enqueue(change(`${part}\n\n`)));
        },
      });
      return String(input).endsWith('/stream') && answer.body !== null
        ? new Response(
            answer.body
              .pipeThrough(new TextDecoderStream())
              .pipeThrough(events)
              .pipeThrough(new TextEncoderStream()),
          )
        : answer;
    },
  });
  verifiers.push(verifier);
  return verifier;
}

const claimsIn = (event: string): Record<string, unknown> =>
  decodeJwt(/^data: (\S+)$/m.exec(event)?.[1] ?? '');

describe('a verifier that subscribes', () => {
  it('refuses ended sessions, those of before it began too, and asks the gateway nothing for that', async () => {
    const [before, after, live] = [await gateway.session(), await gateway.session(), await gateway.session()];
    await logOut(before);
    const verifier = subscribe();
    expect(await reasonOf(verifier, before.token)).toBe('session_ended');
    expect(await reasonOf(verifier, after.token)).toBeUndefined();
    const requestsSoFar = (): number => gateway.log.filter((line) => line.includes('"status":')).length;
    const requests = requestsSoFar();
    await logOut(after);
    await untilRefused(verifier, after.token, 'session_ended');
    expect(await reasonOf(verifier, live.token)).toBeUndefined();
    // The logout alone.
    expect(requestsSoFar() - requests).toBe(1);
  });

  it('refuses tokens of before their user was changed or disabled, and takes those of after', async () => {
    const verifier = subscribe();
    const held = await gateway.session();
    expect(await reasonOf(verifier, held.token)).toBeUndefined();
    const { etag = '' } = (
      await gateway.request(`/api/v1/users/${held.user.id}`, {
        headers: { authorization: administrator.bearer },
      })
    ).headers;
    const changed = await send(
      gateway,
      'PATCH',
      `/api/v1/users/${held.user.id}`,
      { authorization: administrator.bearer, 'if-match': etag },
      { role: 'admin' },
    );
    expect([changed.status, changed.text]).toEqual([200, expect.any(String)]);
    await untilRefused(verifier, held.token, 'token_outdated');
    const { cookies } = await gateway.request('/auth/session', { headers: { cookie: held.cookie } });
    const cookie = cookies.map((line) => line.split(';')[0]).join('; ');
    const token = await tokenOf(session, { cookie: cookie === '' ? held.cookie : cookie });
    expect(await reasonOf(verifier, token)).toBeUndefined();
  });

  it('refuses tokens of a revoked API key', async () => {
    const verifier = subscribe();
    const made = await makeKey(gateway, { authorization: administrator.bearer }, { scope: 'profile:read' });
    const token = await tokenOf({ subject_token_type: tokenTypes.apiKey, subject_token: made.key });
    expect(await reasonOf(verifier, token)).toBeUndefined();
    await send(gateway, 'DELETE', `/api/v1/api-keys/${made.id}`, { authorization: administrator.bearer });
    await untilRefused(verifier, token, 'session_ended');
  });

  it('refuses all tokens of before when every session is ended, and takes new ones', async () => {
    const verifier = subscribe();
    const held = await gateway.session();
    expect(await reasonOf(verifier, held.token)).toBeUndefined();
    const moment = Date.now() + 1;
    await gateway.app.get(RevocationService, { strict: false }).endEverythingBefore(moment);
    await untilRefused(verifier, held.token, 'session_ended');
    await waitUntil(async () => Date.now() > moment, 'the next millisecond');
    administrator = await administratorAt(gateway);
    expect(await reasonOf(verifier, administrator.token)).toBeUndefined();
  });

  it('takes what it is told by keys that came later', async () => {
    const verifier = subscribe();
    const held = await gateway.session();
    expect(await reasonOf(verifier, held.token)).toBeUndefined();
    await gateway.app.get(SigningKeyRotation, { strict: false }).rotate();
    await logOut(held);
    await untilRefused(verifier, held.token, 'session_ended');
  });

  it('learns what it missed when the connection is back', async () => {
    const { relay, url } = await TcpRelay.start(issuer);
    const states: string[] = [];
    const verifier = subscribe({
      at: new URL(url).origin,
      lostAfter: 10,
      onChange: (state) => states.push(state),
    });
    const held = await gateway.session();
    expect(await reasonOf(verifier, held.token)).toBeUndefined();
    relay.silence();
    await logOut(held);
    await waitUntil(async () => {
      expect(await reasonOf(verifier, held.token)).toBeUndefined();
      return states.at(-1) === 'lost';
    }, 'the silence to be noticed');
    relay.speak();
    await untilRefused(verifier, held.token, 'session_ended');
    await waitUntil(() => states.at(-1) === 'heard', 'the next sign of life');
    expect(states).toEqual(['heard', 'lost', 'heard']);
    await relay.cut();
  });

  it('refuses every token while the gateway is lost, where it is set so', async () => {
    const { relay, url } = await TcpRelay.start(issuer);
    const verifier = subscribe({ at: new URL(url).origin, lostAfter: 10, whenLost: 'refuse' });
    const held = await gateway.session();
    expect(await reasonOf(verifier, held.token)).toBeUndefined();
    relay.silence();
    await untilRefused(verifier, held.token, 'revocations_lost');
    relay.speak();
    await waitUntil(
      async () => (await reasonOf(verifier, held.token)) === undefined,
      'the gateway to be heard',
    );
    await relay.cut();
  });

  it('hears on after the gateway’s clock was set back', async () => {
    let signs = 0;
    const verifier = through((event) => {
      signs += claimsIn(event)['snapshot'] === undefined ? 1 : 0;
      return event;
    });
    const [held, ended] = [await gateway.session(), await gateway.session()];
    expect(await reasonOf(verifier, held.token)).toBeUndefined();
    gateway.shiftClock(-40);
    try {
      const known = signs;
      // One in five seconds: it would have been lost after ten.
      await waitUntil(async () => {
        expect(await reasonOf(verifier, held.token)).toBeUndefined();
        return signs > known + 3;
      }, 'signs of life');
    } finally {
      gateway.shiftClock(0);
    }
    await logOut(ended);
    await untilRefused(verifier, ended.token, 'session_ended');
  });

  it('hears of 50 logouts, misses none, and prints how long that took', async () => {
    const verifier = subscribe();
    const sessions: HeldSession[] = [];
    for (let count = 0; count < 50; count += 1) {
      sessions.push(await gateway.session());
    }
    expect(await Promise.all(sessions.map(async ({ token }) => reasonOf(verifier, token)))).toEqual(
      Array.from({ length: 50 }, () => undefined),
    );
    const took: number[] = [];
    for (const session of sessions) {
      await logOut(session);
      const begun = performance.now();
      await untilRefused(verifier, session.token, 'session_ended');
      took.push(performance.now() - begun);
    }
    const sorted = took.toSorted((one, other) => one - other);
    process.stdout.write(
      `ended sessions were refused after ${(sorted[25] ?? 0).toFixed(1)} ms (median), ${(sorted[49] ?? 0).toFixed(1)} ms (worst of 50)\n`,
    );
    expect(took).toHaveLength(50);
  });
});

describe('somebody between a verifier and the gateway', () => {
  it('is noticed when it lets only comments through, or repeats a sign of life', async () => {
    let isHolding = false;
    let sign = '';
    const comments = through((event) => (isHolding ? ':\n\n' : event));
    const repeats = through((event) => {
      if (sign === '' && claimsIn(event)['snapshot'] === undefined) {
        sign = event;
      }
      return isHolding ? sign : event;
    });
    const held = await gateway.session();
    const reasons = async () =>
      Promise.all([comments, repeats].map(async (verifier) => reasonOf(verifier, held.token)));
    expect(await reasons()).toEqual([undefined, undefined]);
    await waitUntil(() => sign !== '', 'a sign of life');
    isHolding = true;
    await logOut(held);
    await waitUntil(
      async () => (await reasons()).every((reason) => reason === 'revocations_lost'),
      'the loss to be noticed',
    );
  });

  it.each([
    ['no header can have', '☃'],
    ['is two', 'x.1\nid: x.2'],
    ['is longer than a header', 'x'.repeat(20_000)],
    ['is refused', 'refused'],
  ])('makes no verifier deaf by an id that %s', async (_what, id) => {
    let state: 'changes' | 'cuts' | 'passes' = 'changes';
    const verifier = through((event) => {
      if (state === 'cuts') {
        state = 'passes';
        throw new Error('cut');
      }
      return state === 'changes' ? `id: ${id}\n${event.replace(/^id: .*\n/, '')}` : event;
    }, 'refused');
    const [live, held] = [await gateway.session(), await gateway.session()];
    expect(await reasonOf(verifier, live.token)).toBeUndefined();
    state = 'cuts';
    await logOut(held);
    await untilRefused(verifier, held.token, 'session_ended');
    expect(await reasonOf(verifier, live.token)).toBeUndefined();
  });

  it('keeps no end from the verifier by holding it back', async () => {
    let isHolding = false;
    const verifier = through((event) => (isHolding && claimsIn(event)['number'] !== undefined ? '' : event));
    const held = await gateway.session();
    expect(await reasonOf(verifier, held.token)).toBeUndefined();
    isHolding = true;
    await logOut(held);
    // Where each snapshot is made up for by what was held back, it is lost.
    await waitUntil(
      async () => (await reasonOf(verifier, held.token)) !== undefined,
      'the held token to be refused',
    );
  });
});

describe('the stream', () => {
  const open = async (
    headers: Readonly<Record<string, string>>,
    path = '/auth/revocations/stream',
  ): Promise<Response> => fetch(`${issuer}${path}`, { headers });

  it.each(['/auth/revocations', '/auth/revocations/stream'])(
    '%s is for administrators whose key says so',
    async (path) => {
      const someone = await gateway.session();
      const narrow = await makeKey(
        gateway,
        { authorization: administrator.bearer },
        { scope: 'profile:read' },
      );
      const theirs = await makeKey(gateway, { authorization: someone.bearer }, { scope: 'revocations:read' });
      const statuses = [];
      for (const headers of [
        {},
        { authorization: someone.bearer },
        { 'x-api-key': theirs.key },
        { 'x-api-key': narrow.key },
        { authorization: 'Bearer x.y.z' },
      ]) {
        const answer = await open(headers, path);
        statuses.push(answer.status);
        await answer.body?.cancel();
      }
      expect(statuses).toEqual([401, 403, 403, 403, 401]);
    },
  );

  it('ends with the API key that opened it', async () => {
    const answer = await open({ 'x-api-key': key.key });
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/event-stream']);
    await send(gateway, 'DELETE', `/api/v1/api-keys/${key.id}`, { authorization: administrator.bearer });
    // It is read to its end.
    expect(await answer.text()).toMatch(/^id: \S+\.\d+\nevent: revocations\ndata: \S+\n\n/m);
    expect((await open({ 'x-api-key': key.key })).status).toBe(401);
  });

  it('begins where a subscriber left off, and with everything for one that names what is unknown', async () => {
    const first = async (lastId: string): Promise<{ id: string; isSnapshot: boolean }> => {
      const answer = await open({ 'x-api-key': key.key, 'last-event-id': lastId });
      const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
      let text = '';
      // What was told since a snapshot that is taken again comes before it, without a number.
      while (!/^id: \S+\n(?:.+\n)+\n/m.test(text)) {
        text += (await reader?.read())?.value ?? '';
      }
      await reader?.cancel();
      const tokens = [...text.matchAll(/^data: (\S+)\n/gm)].map(([, token = '']) => decodeJwt(token));
      const [, id = ''] = /^id: (\S+)/m.exec(text) ?? [];
      return { id, isSnapshot: tokens.some((claims) => claims['snapshot'] !== undefined) };
    };
    // Somebody listens all the time: what happens is numbered.
    subscribe();
    const verifier = verifiers[0];
    expect(verifier).toBeDefined();
    await (verifier === undefined ? undefined : reasonOf(verifier, administrator.token));
    const begin = await first('');
    expect(begin.isSnapshot).toBe(true);
    await logOut(await gateway.session());
    await waitUntil(async () => !(await first(begin.id)).isSnapshot, 'the message to be numbered');
    for (const unknown of [
      'x',
      '01a2244d-573d-7369-a07e-c1e6e43aa0a8.1',
      // More messages than there will be.
      `${begin.id}999999`,
      `${begin.id}.1`,
      '__proto__',
    ]) {
      expect([unknown, (await first(unknown)).isSnapshot]).toEqual([unknown, true]);
    }
  });

  it('reads SQL no more for a hundred subscribers than for none', async () => {
    const statements = recordStatements(gateway.app.get(Database, { strict: false }));
    const streams = await Promise.all(
      Array.from({ length: 100 }, async () => open({ 'x-api-key': key.key })),
    );
    expect(new Set(streams.map(({ status }) => status))).toEqual(new Set([200]));
    const readings = statements.filter((text) => text.includes('"revocations"')).length;
    await logOut(await gateway.session());
    const texts = await Promise.all(
      streams.map(async ({ body }) => {
        const reader = body?.pipeThrough(new TextDecoderStream()).getReader();
        let text = '';
        while ((text.match(/\n\n/g) ?? []).length < 2) {
          text += ((await reader?.read())?.value ?? '').replaceAll(':\n\n', '');
        }
        await reader?.cancel();
        return text;
      }),
    );
    expect(texts).toHaveLength(100);
    const after = statements.filter((text) => text.includes('"revocations"')).length;
    // The end itself is written, and the poll goes on.
    expect(after - readings).toBeLessThan(20);
  });
});

describe('a message', () => {
  /** Serves a verifier keys of the gateway, and messages of the test's. */
  function told(messages: readonly string[], options: Partial<RevocationOptions> = {}): Verifier {
    const verifier = createVerifier({
      issuer,
      audience: issuer,
      revocations: { key: 'a key', ...options },
      fetch: async (input, init) =>
        String(input).endsWith('/stream')
          ? new Response(
              messages.map((message) => `id: x.1\nevent: revocations\ndata: ${message}\n\n`).join(''),
              { headers: { 'content-type': 'text/event-stream' } },
            )
          : fetch(input, init),
    });
    verifiers.push(verifier);
    return verifier;
  }

  /** A message of the gateway's, which says that a session has ended, with other members. */
  async function messageOf({ claims }: HeldSession, header: object, payload: object): Promise<string> {
    const { kid, alg, key: signing } = gateway.app.get(SigningKeyRing, { strict: false }).signing();
    const content = {
      iss: issuer,
      iat: Math.floor(Date.now() / 1000),
      stream: 'x',
      told: 0,
      snapshot: { id: newId(), part: 1, parts: 1 },
      keep: 720,
      ended: Buffer.from(claims.sid.replaceAll('-', ''), 'hex').toString('base64url'),
      changed: [],
      everything_before: 0,
    };
    return new SignJWT(JSON.parse(JSON.stringify({ ...content, ...payload })))
      .setProtectedHeader({ alg, typ: 'revocations+jwt', kid, ...header })
      .sign(signing);
  }

  it.each([
    ['of another key', { kid: 'made-up' }, {}],
    ['of another type', { typ: 'at+jwt' }, {}],
    ['of another issuer', {}, { iss: 'https://evil.example' }],
    ['of long ago', {}, { iat: 1_700_000_000 }],
    ['without a time', {}, { iat: undefined }],
    ['with ids of another form', {}, { ended: 7 }],
  ])('%s is not believed', async (_what, header, claims) => {
    const held = await gateway.session();
    const [sign, good, bad] = [
      await messageOf(held, {}, { snapshot: undefined, ended: '' }),
      await messageOf(held, {}, {}),
      await messageOf(held, header, claims),
    ];
    expect(await reasonOf(told([bad, sign]), held.token)).toBeUndefined();
    // The same without the fault is.
    expect(await reasonOf(told([good, sign]), held.token)).toBe('session_ended');
  });

  const [id, other] = [newId(), newId()];
  it.each([
    ['one of two parts', [{ snapshot: { id, part: 2, parts: 2 } }, {}]],
    ['no part', [{}]],
    ['the seventh of one', [{ snapshot: { id, part: 7, parts: 1 } }, {}]],
    ['part "1"', [{ snapshot: { id, part: '1', parts: 1 } }, {}]],
    ['a part without an id', [{ snapshot: { part: 1, parts: 1 } }, {}]],
    // What a part tells is older than its signature.
    ['a part without a sign of life after it', [{ snapshot: { id, part: 1, parts: 1 } }]],
    [
      'a part, and one of another, without a sign of life',
      [{ snapshot: { id, part: 1, parts: 1 } }, { snapshot: { id: other, part: 1, parts: 1 } }],
    ],
  ])('that is %s of a snapshot is not everything', async (_what, claims) => {
    const [ended, live] = [await gateway.session(), await gateway.session()];
    const options = { whenLost: 'refuse' } as const;
    const messages = async (all: readonly object[]): Promise<readonly string[]> =>
      Promise.all(all.map(async (each) => messageOf(ended, {}, { snapshot: undefined, ...each })));
    expect(await reasonOf(told(await messages(claims), options), live.token)).toBe('revocations_lost');
    const good = await messages([{ snapshot: { id, part: 1, parts: 1 } }, {}]);
    expect(await reasonOf(told(good, options), live.token)).toBeUndefined();
  });
});

it('the stream ends for a subscriber that reads nothing, and the others hear on', async () => {
  const [port = 0] = await findFreePorts(1);
  const own = await startGateway({ PUBLIC_URL: `http://localhost:${port}`, PORT: String(port) });
  await own.app.listen(port, '127.0.0.1');
  const { key: ownKey } = await makeKey(
    own,
    { authorization: (await administratorAt(own)).bearer },
    { scope: 'revocations:read' },
  );
  const feed = own.app.get(RevocationFeed, { strict: false });
  const server = own.app.getHttpServer();
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write(
    `GET /auth/revocations/stream HTTP/1.1\r\nHost: x\r\nX-API-Key: ${ownKey}\r\nConnection: close\r\n\r\n`,
  );
  await once(socket, 'readable');
  const closed = once(socket, 'close');
  const connections = promisify(server.getConnections.bind(server));
  const before = await connections();
  const stem = newId().slice(0, -12);
  const end = (digits = randomBytes(6).toString('hex')): RevocationRow => ({
    id: `${stem}${digits}`,
    kind: 'session',
    before: null,
    recorded_at: Date.now(),
    expires_at: Date.now() + 60_000,
  });
  await waitUntil(async () => {
    // Half a megabyte of messages.
    const digits = randomBytes(20_000 * 6).toString('hex');
    feed.announce(
      Array.from({ length: 20_000 }, (_, index) => end(digits.slice(12 * index, 12 * index + 12))),
    );
    return (await connections()) < before;
  }, 'the connection to be closed');
  socket.resume();
  await closed;
  const verifier = createVerifier({
    issuer: own.configuration.PUBLIC_URL,
    audience: own.configuration.PUBLIC_URL,
    revocations: { key: ownKey },
  });
  verifiers.push(verifier);
  const held = await own.session();
  expect(await reasonOf(verifier, held.token)).toBeUndefined();
  feed.announce([{ ...end(), id: held.claims.sid }]);
  await untilRefused(verifier, held.token, 'session_ended');
  await own.stop();
});
