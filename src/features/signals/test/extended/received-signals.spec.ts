import { randomBytes } from 'node:crypto';
import { exportJWK, exportSPKI } from 'jose';
import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { AuditService } from '../../../../directory/audit/audit.service.js';
import { Database } from '../../../../platform/database/database.schema.js';
import {
  expectProblem,
  type Gateway,
  type GatewayAnswer,
  type HeldSession,
  providerEnv,
  startGateway,
} from '../../../../../test/support/gateway.js';
import { foreignRsaKeys } from '../../../../../test/support/rsa.keys.js';
import { caep, risc, SignalTransmitter, ssf } from '../../../../../test/support/signal.transmitter.js';
import { waitUntil } from '../../../../../test/support/stack.js';
import { TestDatabases } from '../../../../../test/support/test.database.js';
import { encode, type Parts, signHmac } from '../../../../../test/support/token.forge.js';

const path = '/ssf/events';
const type = { 'content-type': 'application/secevent+jwt' };
const receiver = 'https://auth.example.test';
const provider = providerEnv.oidc.OIDC_ISSUER;
const revoked = { [`${caep}session-revoked`]: {} };

const seconds = (): number => Math.floor(Date.now() / 1000);
const random = (): string => randomBytes(8).toString('hex');

interface Held extends HeldSession {
  readonly sub: string;
  readonly sid: string | null;
}

let databases: TestDatabases;
let databaseUrl: string;
let transmitter: SignalTransmitter;
/** Trusted too, with keys of its own. */
let other: SignalTransmitter;
let gateway: Gateway;

beforeAll(async () => {
  databases = new TestDatabases(inject('postgresUrl'));
  databaseUrl = await databases.createMigrated();
  transmitter = await SignalTransmitter.start();
  other = await SignalTransmitter.start('/tenants/one/');
  gateway = await startGateway({
    ...providerEnv.oidc,
    DATABASE_URL: databaseUrl,
    SIGNAL_TRANSMITTERS: `${transmitter.issuer},${other.issuer}`,
  });
});

afterEach(() => {
  transmitter.say(undefined);
  gateway.shiftClock(0);
});

afterAll(async () => {
  await gateway?.stop();
  await transmitter?.stop();
  await other?.stop();
  await databases?.drop();
});

async function held(sub = random(), sid: string | null = random(), issuer: string = provider): Promise<Held> {
  const session = await gateway.session({ issuer, subject: sub }, {}, { oidcSid: sid });
  return { ...session, sub, sid };
}

const named = ({ sub }: Held, iss: string = provider): Parts => ({ format: 'iss_sub', iss, sub });

function claimsFor(session: Held, events: Parts = revoked): Parts {
  return transmitter.claims(receiver, events, named(session));
}

async function push(token: string, headers: Record<string, string> = type): Promise<GatewayAnswer> {
  return gateway.request(path, { method: 'POST', headers, body: token });
}

/**
 * Signs and pushes claims, which must be acknowledged.
 * @returns the reasons that were logged, for as long as this gateway is the one that was started last: Nest's logger is one for the process.
 */
async function accept(claims: Parts, header?: Parts): Promise<string[]> {
  const lines = gateway.log.length;
  const answer = await push(await transmitter.sign(claims, header));
  expect([answer.status, answer.text, answer.headers['cache-control']]).toEqual([202, '', 'no-store']);
  return reasonsSince(lines);
}

/** Pushes a token until its key has been looked up: there is one fetch in five seconds. */
async function settled(token: string): Promise<GatewayAnswer> {
  let answer = await push(token);
  await waitUntil(async () => {
    answer = answer.status === 503 ? await push(token) : answer;
    return answer.status !== 503;
  }, 'the keys to be fetched');
  return answer;
}

function reasonsSince(line: number): string[] {
  return gateway.log.slice(line).flatMap((text) => /"reason":"(signal_\w+)"/.exec(text)?.[1] ?? []);
}

async function isAlive({ cookie, bearer }: HeldSession): Promise<boolean> {
  const statuses = await Promise.all(
    [{ cookie }, { authorization: bearer }].map(
      async (headers) => (await gateway.request('/auth/session', { headers })).status,
    ),
  );
  expect(new Set(statuses).size).toBe(1);
  return statuses[0] === 200;
}

function expectRefusal(answer: GatewayAnswer, err: string): void {
  expect([answer.status, answer.json()]).toEqual([400, { err, description: expect.any(String) }]);
  expect(answer.headers).toMatchObject({
    'content-type': expect.stringContaining('application/json'),
    'content-language': 'en',
    'cache-control': 'no-store',
  });
}

async function auditedEnds(session: HeldSession): Promise<unknown[]> {
  await gateway.app.get(AuditService, { strict: false }).flush();
  return gateway.app
    .get(Database, { strict: false })
    .query.selectFrom('audit_events')
    .select(['type', 'reason', 'user_id', 'remote_address'])
    .where('session_id', '=', session.claims.sid)
    .execute();
}

describe('a signal', () => {
  it.each([
    ['session-revoked', revoked],
    ['credential-change by revocation', { [`${caep}credential-change`]: { change_type: 'revoke' } }],
    ['credential-change by update', { [`${caep}credential-change`]: { change_type: 'update' } }],
    ['credential-change by deletion', { [`${caep}credential-change`]: { change_type: 'delete' } }],
    ['account-disabled', { [`${risc}account-disabled`]: { reason: 'hijacking' } }],
    ['account-purged', { [`${risc}account-purged`]: {} }],
    ['sessions-revoked', { [`${risc}sessions-revoked`]: {} }],
    ['two names of the same event', { ...revoked, [`${risc}sessions-revoked`]: {} }],
    ['a known event beside an unknown one', { 'https://example.test/event': {}, ...revoked }],
  ])('%s ends all sessions of its user, and no others, and is audited', async (_case, events) => {
    const [session, bystander] = [await held(), await held()];
    const second = await held(session.sub, null);
    await accept(claimsFor(session, events));
    expect([await isAlive(session), await isAlive(second)]).toEqual([false, false]);
    expect(await isAlive(bystander)).toBe(true);
    expect(await auditedEnds(session)).toEqual([
      {
        type: 'session_ended',
        reason: 'signal_received',
        user_id: session.user.id,
        remote_address: '127.0.0.1',
      },
    ]);
  });

  it.each([
    ['by its id', (session: Held) => ({ format: 'opaque', id: session.sid })],
    ['by issuer and id', (session: Held) => ({ format: 'iss_sub', iss: provider, sub: session.sid })],
  ])('about one session of a user, %s, leaves those that are another one', async (_case, name) => {
    const session = await held();
    const [another, unnamed] = [await held(session.sub), await held(session.sub, null)];
    const stranger = await held(random(), session.sid);
    await accept(
      transmitter.claims(receiver, revoked, {
        format: 'complex',
        user: named(session),
        session: name(session),
      }),
    );
    // One whose provider named no session may be the one that is meant.
    expect([await isAlive(session), await isAlive(unnamed)]).toEqual([false, false]);
    expect([await isAlive(another), await isAlive(stranger)]).toEqual([true, true]);
  });

  it('about a session alone ends that one', async () => {
    const session = await held();
    const another = await held(session.sub);
    const name = { format: 'iss_sub', iss: provider, sub: session.sid };
    await accept(transmitter.claims(receiver, revoked, { format: 'complex', session: name }));
    expect([await isAlive(session), await isAlive(another)]).toEqual([false, true]);
  });

  it.each([
    [
      'a session in a form that is not known here',
      { session: { format: 'jwt_id', iss: provider, jti: 'x' } },
    ],
    ['a device', { device: { format: 'opaque', id: 'laptop' } }],
    ['a tenant', { tenant: { format: 'opaque', id: 'one' } }],
  ])('about a user and %s ends all of the user’s', async (_case, member) => {
    const [session, second] = [await held(), await held()];
    const user = {
      format: 'aliases',
      identifiers: [{ format: 'email', email: 'ada@example.test' }, named(session)],
    };
    await accept(transmitter.claims(receiver, revoked, { format: 'complex', user, ...member }));
    expect([await isAlive(session), await isAlive(second)]).toEqual([false, true]);
  });

  it('about a credential ends all of the user’s sessions, whatever session it names', async () => {
    const session = await held();
    const second = await held(session.sub);
    const subject = {
      format: 'complex',
      user: named(session),
      session: { format: 'opaque', id: session.sid },
    };
    const events = { [`${caep}credential-change`]: { change_type: 'update', credential_type: 'password' } };
    await accept(transmitter.claims(receiver, events, subject));
    expect([await isAlive(session), await isAlive(second)]).toEqual([false, false]);
  });

  it.each(['token-claims-change', 'assurance-level-change'])(
    '%s makes tokens outdated: the cookie is renewed, a bearer is refused, the session goes on',
    async (name) => {
      const [session, bystander] = [await held(), await held()];
      await accept(claimsFor(session, { [caep + name]: { claims: { role: 'ro-admin' } } }));
      const { cookie, bearer } = session;
      const renewed = await gateway.request('/auth/session', { headers: { cookie } });
      expect([renewed.status, renewed.cookies]).toEqual([200, [expect.stringContaining('vestibule=')]]);
      const refused = await gateway.request('/auth/session', { headers: { authorization: bearer } });
      expect(refused.status).toBe(401);
      expect(await isAlive(bystander)).toBe(true);
    },
  );

  it.each([
    [
      'a new credential',
      { [`${caep}credential-change`]: { change_type: 'create' } },
      'signal_without_effect',
    ],
    ['a test of the stream', { [`${ssf}verification`]: { state: 'x' } }, 'signal_without_effect'],
    ['a paused stream', { [`${ssf}stream-updated`]: { status: 'paused' } }, 'signal_without_effect'],
    ['an event that is not known here', { 'https://example.test/event': {} }, 'signal_event_unknown'],
    ['an event with the name of a member of objects', { constructor: {} }, 'signal_event_unknown'],
  ])('about %s is acknowledged, and ends nothing', async (_case, events, reason) => {
    const session = await held();
    expect(await accept(claimsFor(session, events))).toEqual([reason]);
    expect(await isAlive(session)).toBe(true);
  });

  it('of a test needs no subject', async () => {
    expect(await accept(transmitter.claims(receiver, { [`${ssf}verification`]: {} }))).toEqual([
      'signal_without_effect',
    ]);
  });

  it.each([
    { format: 'email', email: 'ada@example.test' },
    { format: 'phone_number', phone_number: '+12065550100' },
    { format: 'opaque', id: 'x' },
    { format: 'account', uri: 'acct:ada@example.test' },
    { format: 'complex', tenant: { format: 'opaque', id: 'x' } },
    { format: 'aliases', identifiers: [{ format: 'aliases', identifiers: [] }, null] },
    { format: 'of-tomorrow' },
  ])('about $format, which is no identity here, is acknowledged, and ends nothing', async (subject) => {
    const session = await gateway.session({ issuer: provider, email: 'ada@example.test' });
    expect(await accept(transmitter.claims(receiver, revoked, subject))).toEqual(['signal_subject_unknown']);
    const renew = { [`${caep}token-claims-change`]: {} };
    expect(await accept(transmitter.claims(receiver, renew, subject))).toEqual(['signal_subject_unknown']);
    expect(await isAlive(session)).toBe(true);
  });

  it('about a user of another provider is acknowledged, and ends nothing', async () => {
    const elsewhere = 'https://elsewhere.example.test';
    const session = await held(random(), random(), elsewhere);
    const sessionName = { format: 'iss_sub', iss: elsewhere, sub: session.sid };
    for (const subject of [
      named(session, elsewhere),
      named(session, other.issuer),
      { format: 'complex', session: sessionName },
      { format: 'complex', user: named(session), session: sessionName },
    ]) {
      expect(await accept(transmitter.claims(receiver, revoked, subject))).toEqual(['signal_issuer_foreign']);
    }
    expect(await isAlive(session)).toBe(true);
  });

  it.each([
    ['with a slash more', `${provider}/`, provider],
    ['with a slash less, as Auth0’s issuers end with one', provider, `${provider}/`],
  ])('that names the provider %s ends sessions and makes tokens outdated too', async (_case, iss, stored) => {
    const [session, bystander] = [await held(random(), random(), stored), await held()];
    const renew = { [`${caep}token-claims-change`]: {} };
    expect(await accept(transmitter.claims(receiver, renew, named(session, iss)))).toEqual([]);
    const { cookie, bearer } = session;
    const refused = await gateway.request('/auth/session', { headers: { authorization: bearer } });
    expect(refused.status).toBe(401);
    expect((await gateway.request('/auth/session', { headers: { cookie } })).status).toBe(200);
    await accept(transmitter.claims(receiver, revoked, named(session, iss)));
    expect((await gateway.request('/auth/session', { headers: { cookie } })).status).toBe(401);
    expect(await isAlive(bystander)).toBe(true);
  });

  it('that spells the provider in two ways is about the one session that it names', async () => {
    const session = await held();
    const another = await held(session.sub);
    await accept(
      transmitter.claims(receiver, revoked, {
        format: 'complex',
        user: named(session),
        session: { format: 'iss_sub', iss: `${provider}/`, sub: session.sid },
      }),
    );
    expect([await isAlive(session), await isAlive(another)]).toEqual([false, true]);
  });

  it('about a user or session that has none here is logged as one that ended nothing', async () => {
    const session = await held();
    for (const subject of [
      { format: 'iss_sub', iss: provider, sub: random() },
      { format: 'complex', session: { format: 'iss_sub', iss: provider, sub: random() } },
    ]) {
      const lines = gateway.log.length;
      expect(await accept(transmitter.claims(receiver, revoked, subject))).toEqual([
        'signal_without_session',
      ]);
      expect(gateway.log.slice(lines).join()).not.toContain('a signal has ended sessions');
    }
    expect(await isAlive(session)).toBe(true);
  });

  it('about a user of the transmitter itself ends their sessions', async () => {
    const session = await held(random(), random(), transmitter.issuer);
    await accept(transmitter.claims(receiver, revoked, named(session, transmitter.issuer)));
    expect(await isAlive(session)).toBe(false);
  });

  it('of an issuer with a path and a slash is verified with that issuer’s keys', async () => {
    const session = await held();
    const token = await other.sign(other.claims(receiver, revoked, named(session)));
    expect((await push(token)).status).toBe(202);
    expect(other.requests[0]).toBe('/.well-known/ssf-configuration/tenants/one');
    expect(await isAlive(session)).toBe(false);
  });

  it.each([
    ['the route as its audience', { aud: `${receiver}${path}` }, {}],
    ['several audiences', { aud: ['other', receiver] }, {}],
    ['the whole media type', {}, { typ: 'application/SecEvent+JWT' }],
    ['an iat of a clock that is ahead', { iat: seconds() + 30 }, {}],
    ['an iat with a fraction', { iat: seconds() + 0.123_45 }, {}],
    ['claims that are not known here', { trace: 'x' }, {}],
  ])('with %s is taken', async (_case, claims, header) => {
    const session = await held();
    await accept({ ...claimsFor(session), ...claims }, header);
    expect(await isAlive(session)).toBe(false);
  });

  it('with an iat of an hour ago is taken', async () => {
    gateway.shiftClock(-3600);
    const session = await held();
    gateway.shiftClock(0);
    await accept({ ...claimsFor(session), iat: seconds() - 3500 });
    expect(await isAlive(session)).toBe(false);
  });

  it('is found under any host name, but not for a page of another site', async () => {
    const session = await held();
    const token = await transmitter.sign(claimsFor(session));
    expect((await push(token, { ...type, origin: 'https://evil.example' })).status).toBe(403);
    expect(await isAlive(session)).toBe(true);
    expect((await push(token, { ...type, host: 'gateway.internal:3000' })).status).toBe(202);
  });
});

describe('a token that comes again', () => {
  it('is acknowledged again, and ends no later session', async () => {
    const session = await held();
    const claims = claimsFor(session);
    expect(await accept(claims)).toEqual(['signal_received']);
    const later = await held(session.sub);
    expect(await accept(claims)).toEqual(['signal_used']);
    gateway.shiftClock(3600);
    expect(await accept(claims)).toEqual(['signal_used']);
    gateway.shiftClock(0);
    expect(await isAlive(later)).toBe(true);
  });

  it('with other content counts as the same', async () => {
    const [session, second] = [await held(), await held()];
    const { jti } = claimsFor(session);
    await accept({ ...claimsFor(session), jti });
    await accept({ ...claimsFor(second), jti });
    expect(await isAlive(second)).toBe(true);
  });

  it('20 times at once is acknowledged each time, and audited once', async () => {
    const session = await held();
    const token = await transmitter.sign(claimsFor(session));
    const answers = await Promise.all(Array.from({ length: 20 }, async () => push(token)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
    expect(await auditedEnds(session)).toHaveLength(1);
  });

  it('because the database failed after the sessions had ended is taken', async () => {
    const session = await held();
    const token = await transmitter.sign(claimsFor(session));
    const client = new Client({ connectionString: databaseUrl });
    await client.connect();
    try {
      await client.query(`
        create function away() returns trigger language plpgsql as
          $$ begin raise exception 'shutting down' using errcode = '57P01'; end $$;
        create trigger away before insert on used_tokens for each row execute function away()`);
      expectProblem(await push(token), 503, 'database_unavailable');
      expect(await isAlive(session)).toBe(false);
      await client.query('drop trigger away on used_tokens; drop function away');
    } finally {
      await client.end();
    }
    const later = await held(session.sub);
    expect((await push(token)).status).toBe(202);
    expect(await isAlive(later)).toBe(false);
    expect((await push(token)).status).toBe(202);
  });
});

describe('is refused, and ends nothing', () => {
  it.each<[string, string, Parts, Parts]>([
    ['invalid_request', 'no typ', {}, { typ: undefined }],
    ['invalid_request', 'the typ JWT', {}, { typ: 'JWT' }],
    ['invalid_request', 'the typ of a logout token', {}, { typ: 'logout+jwt' }],
    ['invalid_request', 'an exp', { exp: seconds() + 600 }, {}],
    ['invalid_request', 'a sub', { sub: 'x' }, {}],
    ['invalid_request', 'no jti', { jti: undefined }, {}],
    ['invalid_request', 'a jti with a control character', { jti: 'a\u0000' }, {}],
    ['invalid_request', 'no iat', { iat: undefined }, {}],
    ['invalid_request', 'an iat as text', { iat: String(seconds()) }, {}],
    ['invalid_request', 'an iat of long ago', { iat: seconds() - 3700 }, {}],
    ['invalid_request', 'an iat to come', { iat: seconds() + 120 }, {}],
    ['invalid_request', 'no events', { events: undefined }, {}],
    ['invalid_request', 'an empty list of events', { events: {} }, {}],
    ['invalid_request', 'an event that is text', { events: { [`${caep}session-revoked`]: 'x' } }, {}],
    ['invalid_request', 'a change of no type', { events: { [`${caep}credential-change`]: {} } }, {}],
    ['invalid_request', 'no sub_id', { sub_id: undefined }, {}],
    ['invalid_request', 'a sub_id that is text', { sub_id: 'x' }, {}],
    ['invalid_request', 'a sub_id without a format', { sub_id: { iss: provider, sub: 'x' } }, {}],
    ['invalid_request', 'no aud', { aud: undefined }, {}],
    ['invalid_audience', 'another aud', { aud: 'https://other.example' }, {}],
    ['invalid_audience', 'a longer aud', { aud: `${receiver}.evil.example` }, {}],
    ['invalid_audience', 'an empty list of aud', { aud: [] }, {}],
    ['invalid_issuer', 'an issuer that nobody trusts', { iss: 'https://evil.example' }, {}],
    ['invalid_issuer', 'the login provider, which is no transmitter', { iss: provider }, {}],
    ['invalid_issuer', 'no issuer', { iss: undefined }, {}],
    ['invalid_key', 'an unknown critical header', {}, { crit: ['exp'], exp: 1 }],
  ])('%s: %s', async (err, _case, claims, header) => {
    const session = await held();
    const token = `${encode({ alg: 'ES256', typ: 'secevent+jwt', kid: transmitter.kid, ...header })}.${encode({ ...claimsFor(session), ...claims })}`;
    const signature = Buffer.from(
      await crypto.subtle.sign(
        { name: 'ECDSA', hash: 'SHA-256' },
        transmitter.keys.privateKey,
        Buffer.from(token),
      ),
    ).toString('base64url');
    expectRefusal(await push(`${token}.${signature}`), err);
    expect(await isAlive(session)).toBe(true);
  });

  it('signed by nobody, by another transmitter, by a key that is not published, or with the public key as a secret', async () => {
    const session = await held();
    const claims = claimsFor(session);
    const { kid } = transmitter;
    const header = { typ: 'secevent+jwt', kid };
    const unsigned = `${encode({ ...header, alg: 'none' })}.${encode(claims)}`;
    const [head = '', body = '', signature = ''] = (await transmitter.sign(claims)).split('.');
    const secrets = [
      await exportSPKI(transmitter.keys.publicKey),
      JSON.stringify(await exportJWK(transmitter.keys.publicKey)),
    ].map((text) => new TextEncoder().encode(text));
    const { privateKey: foreign } = await foreignRsaKeys();
    for (const [err, token] of [
      ['invalid_key', `${unsigned}.AAAA`],
      ['invalid_request', `${unsigned}.`],
      ['invalid_request', unsigned],
      ['authentication_failed', await transmitter.sign(claims, {}, other.keys.privateKey)],
      ['invalid_key', await transmitter.sign(claims, { alg: 'RS256' }, foreign)],
      ['invalid_key', await signHmac(secrets[0] ?? new Uint8Array(), header, claims)],
      ['invalid_key', await signHmac(secrets[1] ?? new Uint8Array(), header, claims)],
      ['authentication_failed', `${head}.${encode({ ...claims, jti: 'x' })}.${signature}`],
      ['authentication_failed', `${head}.${body}.${signature.slice(0, -4)}`],
      // Another transmitter's token is its own, whatever it says.
      ['authentication_failed', await other.sign(claims, { kid })],
      ['invalid_key', await other.sign({ ...claims, iss: transmitter.issuer })],
    ] as const) {
      expectRefusal(await settled(token), err);
    }
    expect(await isAlive(session)).toBe(true);
  });

  it('a logout token, an ID token, a token of ours, garbage', async () => {
    const session = await held();
    const logout = { 'http://schemas.openid.net/event/backchannel-logout': {} };
    const idToken = {
      iss: transmitter.issuer,
      aud: receiver,
      sub: session.sub,
      iat: seconds(),
      exp: seconds() + 60,
    };
    for (const token of [
      await transmitter.sign({ ...claimsFor(session, logout), sub: session.sub }, { typ: 'logout+jwt' }),
      await transmitter.sign({ ...claimsFor(session, logout), sub: session.sub }),
      await transmitter.sign(idToken, { typ: 'JWT' }),
      await transmitter.sign(idToken),
      session.token,
      session.sealed,
      'garbage',
      'a.b.c',
      `${encode('[]')}.${encode('[]')}.AAAA`,
      `${encode(null)}.${encode(null)}.AAAA`,
      '\u0000',
      '{}',
    ]) {
      expectRefusal(await push(token), 'invalid_request');
    }
    expect(await isAlive(session)).toBe(true);
  });

  it('another content type, no body, or a huge one', async () => {
    const session = await held();
    const token = await transmitter.sign(claimsFor(session));
    const json = { 'content-type': 'application/json' };
    expectRefusal(await push(JSON.stringify(token), json), 'invalid_request');
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    expectRefusal(await push(token, form), 'invalid_request');
    expectRefusal(await gateway.request(path, { method: 'POST' }), 'invalid_request');
    expectProblem(await push(token, { 'content-type': 'text/plain' }), 415, 'unsupported_media_type');
    expectProblem(await push(token, { 'content-type': 'application/jwt' }), 415, 'unsupported_media_type');
    expectProblem(await push(`${token}${'A'.repeat(70_000)}`), 413, 'payload_too_large');
    expectRefusal(await push(`${token}${'A'.repeat(60_000)}`), 'authentication_failed');
    expect(await isAlive(session)).toBe(true);
  });

  it.each(['ory', 'auth0', 'oidc'] as const)(
    'where no transmitter is trusted, under %s: 404',
    async (name) => {
      const alone = await startGateway(providerEnv[name]);
      try {
        const body = await transmitter.sign(claimsFor(await held()));
        expectProblem(await alone.request(path, { method: 'POST', headers: type, body }), 404, 'not_found');
      } finally {
        await alone.stop();
      }
    },
  );
});

describe('the keys of a transmitter', () => {
  it.each([
    ['metadata', '/.well-known/ssf-configuration', 503],
    ['metadata', '/.well-known/ssf-configuration', 500],
    ['keys', '/jwks', 503],
    ['keys', '/jwks', 500],
    ['keys', '/jwks', 302],
  ])('%s at %s answered with %i: 503, and the same token is taken later', async (_what, at, status) => {
    const shaky = await SignalTransmitter.start();
    const alone = await startGateway({ ...providerEnv.oidc, SIGNAL_TRANSMITTERS: shaky.issuer });
    try {
      const body = await shaky.sign(
        shaky.claims(receiver, revoked, { format: 'iss_sub', iss: provider, sub: random() }),
      );
      const send = async (): Promise<GatewayAnswer> =>
        alone.request(path, { method: 'POST', headers: type, body });
      shaky.say((request, response) => {
        if (request.url !== at) {
          return false;
        }
        response.writeHead(status, { location: '/elsewhere' }).end();
        return true;
      });
      for (const _attempt of [1, 2, 3]) {
        expectProblem(await send(), 503, 'provider_unavailable');
      }
      expect(shaky.requests).not.toContain('/elsewhere');
      // However often it is needed, the metadata is asked for once in five seconds.
      expect(shaky.requests.filter((url) => url !== '/jwks')).toHaveLength(1);
      shaky.say(undefined);
      await waitUntil(async () => (await send()).status === 202, 'the token to be taken');
    } finally {
      await alone.stop();
      await shaky.stop();
    }
  });

  it('are fetched again when it signs with a new one, and seldom for made-up ids', async () => {
    const session = await held();
    await accept(claimsFor(await held()));
    // Someone has just sent a made-up id, which used up the fetch of these five seconds.
    expect((await settled(await transmitter.sign(claimsFor(session), { kid: random() }))).status).toBe(400);
    await transmitter.rotate();
    const token = await transmitter.sign(claimsFor(session));
    // Nothing is final before the keys have been looked up: the transmitter would not send it again.
    expect((await push(token)).status).not.toBe(400);
    expect((await settled(token)).status).toBe(202);
    expect(await isAlive(session)).toBe(false);

    const fetches = (): number => transmitter.requests.filter((url) => url === '/jwks').length;
    const before = fetches();
    const last = await held();
    const claims = claimsFor(last);
    const tokens = await Promise.all(
      Array.from({ length: 1000 }, async () => transmitter.sign(claims, { kid: random() })),
    );
    const answers = await Promise.all(tokens.map(async (token) => push(token)));
    expect([400, 503]).toEqual(expect.arrayContaining([...new Set(answers.map(({ status }) => status))]));
    expect(fetches() - before).toBeLessThanOrEqual(2);
    expect((await settled(await transmitter.sign(claims))).status).toBe(202);
    expect(await isAlive(last)).toBe(false);
  });

  it('come with the members that it calls critical: an event about one that is not known here ends nothing', async () => {
    const strict = await SignalTransmitter.start();
    strict.metadata = { critical_subject_members: ['user', 'session', 'device'] };
    const alone = await startGateway({ ...providerEnv.oidc, SIGNAL_TRANSMITTERS: strict.issuer });
    try {
      const { cookie } = await alone.session({ issuer: provider, subject: 'ada' });
      const user = { format: 'iss_sub', iss: provider, sub: 'ada' };
      const send = async (subject: Parts): Promise<number> => {
        const body = await strict.sign(strict.claims(receiver, revoked, subject));
        return (await alone.request(path, { method: 'POST', headers: type, body })).status;
      };
      const status = async (): Promise<number> =>
        (await alone.request('/auth/session', { headers: { cookie } })).status;
      const device = { format: 'opaque', id: 'laptop' };
      const unknown = { format: 'jwt_id', iss: provider, jti: 'x' };
      expect([await send({ format: 'complex', user, device }), await status()]).toEqual([202, 200]);
      expect([await send({ format: 'complex', user, session: unknown }), await status()]).toEqual([202, 200]);
      expect([await send({ format: 'complex', user }), await status()]).toEqual([202, 401]);
    } finally {
      await alone.stop();
      await strict.stop();
    }
  });

  it('are not fetched for a token of another type or issuer', async () => {
    const quiet = await SignalTransmitter.start();
    const alone = await startGateway({ ...providerEnv.oidc, SIGNAL_TRANSMITTERS: quiet.issuer });
    try {
      const claims = quiet.claims(receiver, revoked, { format: 'email', email: 'ada@example.test' });
      for (const body of [
        await quiet.sign(claims, { typ: 'JWT' }),
        await quiet.sign({ ...claims, iss: transmitter.issuer }),
        'a.b.c',
      ]) {
        expect((await alone.request(path, { method: 'POST', headers: type, body })).status).toBe(400);
      }
      expect(quiet.requests).toEqual([]);
    } finally {
      await alone.stop();
      await quiet.stop();
    }
  });
});

describe('an event that comes late', () => {
  const halfAnHour = 1800;

  it.each([
    ['event_timestamp in seconds', (): Parts => ({ event_timestamp: seconds() - halfAnHour }), {}],
    [
      'event_timestamp in milliseconds',
      (): Parts => ({ event_timestamp: (seconds() - halfAnHour) * 1000 }),
      {},
    ],
    ['toe', (): Parts => ({}), { toe: seconds() - halfAnHour }],
    ['iat', (): Parts => ({}), { iat: seconds() - halfAnHour }],
  ])('ends no session that began after it, by its %s', async (_name, event, claims) => {
    gateway.shiftClock(-halfAnHour - 600);
    const before = await held();
    gateway.shiftClock(0);
    const after = await held(before.sub);
    const signal = { ...claimsFor(after, { [`${risc}account-disabled`]: event() }), ...claims };
    await accept(signal);
    const statuses = [before, after].map(
      async ({ cookie }) => (await gateway.request('/auth/session', { headers: { cookie } })).status,
    );
    expect(await Promise.all(statuses)).toEqual([401, 200]);
  });

  it('a time that cannot be, or is in the future, changes nothing', async () => {
    for (const time of ['yesterday', -1, null, Number.MAX_VALUE, seconds() + 86_400]) {
      const session = await held();
      await accept(claimsFor(session, { [`${caep}session-revoked`]: { event_timestamp: time } }));
      const { cookie } = session;
      expect((await gateway.request('/auth/session', { headers: { cookie } })).status).toBe(401);
    }
  });
});
