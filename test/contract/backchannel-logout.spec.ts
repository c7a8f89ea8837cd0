import { randomBytes } from 'node:crypto';
import { CompactSign, type CryptoKey, exportSPKI } from 'jose';
import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { AuthStrategy } from '../../src/auth-strategy/auth.strategy.js';
import { AuditService } from '../../src/directory/audit/audit.service.js';
import { Database } from '../../src/platform/database/database.schema.js';
import { findFreePorts } from '../../src/launcher/port-finder.js';
import {
  type Gateway,
  type GatewayAnswer,
  type HeldSession,
  providerEnv,
  startGateway,
} from '../support/gateway.js';
import { administratorAt } from '../support/administrator.js';
import { type GatewaySite, newGatewaySite } from '../support/gateway.runner.js';
import { newAccount } from '../support/openid.accounts.js';
import { type OpenIdProvider, startOpenIdProvider } from '../support/openid.provider.js';
import { foreignRsaKeys } from '../support/rsa.keys.js';
import { risc, SignalTransmitter } from '../support/signal.transmitter.js';
import { waitUntil } from '../support/stack.js';
import { TestDatabases } from '../support/test.database.js';
import { encode, type Parts, signHmac } from '../support/token.forge.js';
import { sendForm, travel } from '../support/travel.js';
import { UserAgent } from '../support/user-agent.js';

const path = '/auth/backchannel-logout';
const event = 'http://schemas.openid.net/event/backchannel-logout';
const form = { 'content-type': 'application/x-www-form-urlencoded' };
const clientId = 'gateway';
const clientSecret = 'gateway-secret-of-this-test';
const audience = 'https://api.example.test';
const endSession = { auth0: '/oidc/logout', oidc: '/session/end' };

const seconds = (): number => Math.floor(Date.now() / 1000);

/** An `iat` that is read when the token is made: the tests before it take a while. */
const issuedAfter = (offset: number): { readonly iat: number } => ({
  get iat() {
    return seconds() + offset;
  },
});
const random = (): string => randomBytes(8).toString('hex');

describe.each(['auth0', 'oidc'] as const)('back-channel logout from a provider, %s', (name) => {
  const account = newAccount();
  let databases: TestDatabases;
  let databaseUrl: string;
  let site: GatewaySite;
  let provider: OpenIdProvider;
  let gateway: Gateway;
  /** Another one on the same database. */
  let replica: Gateway;
  let transmitter: SignalTransmitter;

  beforeAll(async () => {
    databases = new TestDatabases(inject('postgresUrl'));
    databaseUrl = await databases.createMigrated();
    site = await newGatewaySite();
    const [port = 0] = await findFreePorts(1);
    provider = await startOpenIdProvider({
      flavour: name === 'auth0' ? 'auth0' : 'plain',
      port,
      audience,
      accounts: [account],
      clients: [
        {
          client_id: clientId,
          client_secret: clientSecret,
          redirect_uris: [`${site.url}/auth/callback`],
          token_endpoint_auth_method: 'client_secret_post',
          backchannel_logout_uri: site.url + path,
          backchannel_logout_session_required: true,
        },
      ],
    });
    transmitter = await SignalTransmitter.start();
    const env = {
      ...site.env,
      DATABASE_URL: databaseUrl,
      SIGNAL_TRANSMITTERS: transmitter.issuer,
      AUTH_PROVIDER: name,
      ...(name === 'auth0'
        ? {
            AUTH0_DOMAIN: provider.origin,
            AUTH0_CLIENT_ID: clientId,
            AUTH0_CLIENT_SECRET: clientSecret,
            AUTH0_AUDIENCE: audience,
          }
        : { OIDC_ISSUER: provider.issuer, OIDC_CLIENT_ID: clientId, OIDC_CLIENT_SECRET: clientSecret }),
    };
    gateway = await startGateway(env);
    await gateway.app.listen(gateway.configuration.PORT, gateway.configuration.HOST);
    replica = await startGateway(env);
  });

  afterEach(() => {
    gateway.shiftClock(0);
  });

  afterAll(async () => {
    await gateway?.stop();
    await replica?.stop();
    await provider?.stop();
    await transmitter?.stop();
    await site?.remove();
    await databases?.drop();
  });

  /** Somebody's session, as if by a login at the provider. */
  async function held(subject = random(), oidcSid: string | null = random()): Promise<HeldSession & Parts> {
    const session = await gateway.session({ issuer: provider.issuer, subject }, {}, { oidcSid });
    return { ...session, sub: subject, sid: oidcSid };
  }

  function claimsFor({ sub, sid }: Parts): Record<string, unknown> {
    const iat = seconds();
    return { iss: provider.issuer, aud: clientId, iat, jti: random(), events: { [event]: {} }, sub, sid };
  }

  /** A token as the provider would make it, with these differences. */
  async function logoutToken(
    claims: Parts,
    header: Parts = {},
    key: CryptoKey = provider.keys.privateKey,
  ): Promise<string> {
    const { kid = '' } = provider.keys.jwk;
    return new CompactSign(new TextEncoder().encode(JSON.stringify(claims)))
      .setProtectedHeader({ alg: 'RS256', typ: 'logout+jwt', kid, ...header })
      .sign(key);
  }

  async function send(token: string, to = gateway): Promise<GatewayAnswer> {
    const body = new URLSearchParams({ logout_token: token }).toString();
    return to.request(path, { method: 'POST', headers: form, body });
  }

  async function isAlive({ cookie, bearer }: HeldSession, at = gateway): Promise<boolean> {
    const statuses = await Promise.all(
      [{ cookie }, { authorization: bearer }].map(
        async (headers) => (await at.request('/auth/session', { headers })).status,
      ),
    );
    expect(new Set(statuses).size).toBe(1);
    return statuses[0] === 200;
  }

  function expectRefusal(answer: GatewayAnswer): void {
    expect({ status: answer.status, type: answer.headers['content-type'] }).toEqual({
      status: 400,
      type: expect.stringContaining('application/json'),
    });
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(answer.json()).toEqual({ error: 'invalid_request', error_description: expect.any(String) });
  }

  describe('a logout token', () => {
    it('ends the session of its sid, cookie and bearer, on every replica, and is audited', async () => {
      const session = await held();
      const other = await held(String(session['sub']));
      const answer = await send(await logoutToken({ ...claimsFor(session), sub: undefined }));
      expect([answer.status, answer.headers['cache-control'], answer.text]).toEqual([200, 'no-store', '{}']);
      expect(await isAlive(session)).toBe(false);
      const { cookie } = session;
      const ask = async () => (await replica.request('/auth/session', { headers: { cookie } })).status;
      await waitUntil(async () => (await ask()) === 401, 'the other replica to know');
      expect(await isAlive(session, replica)).toBe(false);
      expect(await isAlive(other)).toBe(true);
      await gateway.app.get(AuditService, { strict: false }).flush();
      const { query } = gateway.app.get(Database, { strict: false });
      const events = await query
        .selectFrom('audit_events')
        .selectAll()
        .where('session_id', '=', session.claims.sid)
        .execute();
      expect(events).toMatchObject([
        {
          type: 'session_ended',
          reason: 'backchannel_logout',
          user_id: session.user.id,
          remote_address: '127.0.0.1',
        },
      ]);
    });

    it('without a sid ends all sessions of its sub, and nobody else’s', async () => {
      const session = await held();
      const other = await held(String(session['sub']));
      const bystander = await held();
      const answer = await send(await logoutToken({ ...claimsFor(session), sid: undefined }));
      expect(answer.status).toBe(200);
      expect([await isAlive(session), await isAlive(other)]).toEqual([false, false]);
      expect(await isAlive(bystander)).toBe(true);
    });

    it('with a sid and a sub also ends the user’s sessions that came without a sid, and those alone', async () => {
      const session = await held();
      const subject = String(session['sub']);
      const unnamed = await held(subject, null);
      const other = await held(subject);
      const bystander = await held(random(), null);
      expect((await send(await logoutToken(claimsFor(session)))).status).toBe(200);
      expect([await isAlive(session), await isAlive(unnamed)]).toEqual([false, false]);
      expect([await isAlive(other), await isAlive(bystander)]).toEqual([true, true]);
    });

    it.each([
      ['both sid and sub', {}, {}],
      ['the type JWT', {}, { typ: 'JWT' }],
      ['no type', {}, { typ: undefined }],
      ['the whole media type', {}, { typ: 'application/logout+jwt' }],
      ['several audiences', { aud: ['other', clientId] }, {}],
      ['claims that nobody knows', { typ: 'Logout', trace_id: 'x', __proto__: { a: 1 } }, {}],
      ['an exp to come', { exp: seconds() + 600 }, {}],
      [
        'an exp that is over by less than clocks may differ',
        {
          // Read when the token is made: the tests before take a while.
          get exp() {
            return seconds() - 30;
          },
        },
        {},
      ],
      ['an iat that is 5 minutes old', issuedAfter(-300), {}],
      ['an iat of a clock 30 seconds ahead', issuedAfter(30), {}],
    ])('with %s is taken', async (_case, claims, header) => {
      const session = await held();
      const answer = await send(await logoutToken({ ...claimsFor(session), ...claims }, header));
      expect(answer.status).toBe(200);
      expect(await isAlive(session)).toBe(false);
    });

    it('about a session that nobody has is taken', async () => {
      const answer = await send(await logoutToken(claimsFor({ sub: random(), sid: random() })));
      expect(answer.status).toBe(200);
    });

    it('is found under any host name, but not for a page of another site', async () => {
      const session = await held();
      const body = new URLSearchParams({ logout_token: await logoutToken(claimsFor(session)) }).toString();
      const foreign = { ...form, origin: 'https://evil.example' };
      const crossSite = await gateway.request(path, { method: 'POST', headers: foreign, body });
      expect(crossSite.status).toBe(403);
      expect(await isAlive(session)).toBe(true);
      const inside = { ...form, host: 'gateway.internal:3000' };
      expect((await gateway.request(path, { method: 'POST', headers: inside, body })).status).toBe(200);
      expect(await isAlive(session)).toBe(false);
    });
  });

  describe('refused with 400, and the session lives [L18]', () => {
    const now = seconds();
    const ofThisProvider: readonly (readonly [string, Parts])[] = [
      ['of another issuer', { iss: 'https://evil.example' }],
      ['without an issuer', { iss: undefined }],
      ['for another client', { aud: 'other' }],
      ['for our API and not a client', { aud: audience }],
    ];
    const ofAny: readonly (readonly [string, Parts])[] = [
      ['for other clients', { aud: ['other', `${clientId} `] }],
      ['for nobody', { aud: undefined }],
      ['for an audience of the wrong kind', { aud: { [clientId]: clientId } }],
      ['without events', { events: undefined }],
      ['with no event', { events: {} }],
      ['with another event', { events: { 'http://schemas.openid.net/event/other': {} } }],
      ['with events that are a text', { events: event }],
      ['with events that are a list', { events: [event] }],
      ['with an event that is null', { events: { [event]: null } }],
      ['with an event that is true', { events: { [event]: true } }],
      ['with an event that is a list', { events: { [event]: [] } }],
      ['with a nonce', { nonce: 'n' }],
      ['with an empty nonce', { nonce: '' }],
      ['with a nonce that is null', { nonce: null }],
      ['without a jti', { jti: undefined }],
      ['with an empty jti', { jti: '' }],
      ['with a jti that is a number', { jti: 1 }],
      ['with neither sub nor sid', { sub: undefined, sid: undefined }],
      ['with a sub that is an object', { sub: {} }],
      ['with a sub that is null', { sub: null }],
      ['with a sid that is a list', { sid: ['a'] }],
      ['with an empty sid', { sid: '' }],
      ['with a sid that no database takes', { sid: 'a\u0000b' }],
      ['with a sub of 10 kB', { sub: 'x'.repeat(10_000) }],
      ['without an iat', { iat: undefined }],
      ['with an iat that is a text', { iat: String(now) }],
      ['with an iat in 2 minutes', issuedAfter(120)],
      ['with an iat beyond all time', { iat: 1e300 }],
      ['with an iat 7 minutes ago', issuedAfter(-420)],
      ['with an exp that is over', { exp: now - 120 }],
      ['with an exp that is a text', { exp: String(now + 600) }],
    ];
    // What a token must be like is the same code for both.
    it.each(name === 'oidc' ? [...ofThisProvider, ...ofAny] : ofThisProvider)('%s', async (_case, claims) => {
      const session = await held();
      expectRefusal(await send(await logoutToken({ ...claimsFor(session), ...claims })));
      expect(await isAlive(session)).toBe(true);
      // What is right with all the rest is taken: the refusal was for this one thing.
      expect((await send(await logoutToken(claimsFor(session)))).status).toBe(200);
    });

    it('of an issuer with a slash more or less', async () => {
      const session = await held();
      const { issuer } = provider;
      for (const iss of [`${issuer}/`, issuer.endsWith('/') ? issuer.slice(0, -1) : `${issuer}//`]) {
        expectRefusal(await send(await logoutToken({ ...claimsFor(session), iss })));
      }
      expect(await isAlive(session)).toBe(true);
    });

    it('of a session that is somebody else’s', async () => {
      const [session, other] = [await held(), await held()];
      expectRefusal(await send(await logoutToken({ ...claimsFor(session), sid: other['sid'] })));
      expect([await isAlive(session), await isAlive(other)]).toEqual([true, true]);
    });

    it.each([
      ['at+jwt', { typ: 'at+jwt' }],
      ['another', { typ: 'secevent+jwt' }],
      ['no text', { typ: 1 }],
    ])('of the type %s', async (_case, header) => {
      const session = await held();
      expectRefusal(await send(await logoutToken(claimsFor(session), header)));
      expect(await isAlive(session)).toBe(true);
    });

    it('signed by nobody, by a key that is not the provider’s, or with the public key as a secret', async () => {
      const session = await held();
      const claims = claimsFor(session);
      const { kid } = provider.keys.jwk;
      const { privateKey: foreign } = await foreignRsaKeys();
      const header = { typ: 'logout+jwt', kid };
      const spki = await exportSPKI(provider.keys.publicKey);
      const { n, e, kty } = provider.keys.jwk;
      const unsigned = `${encode({ ...header, alg: 'none' })}.${encode(claims)}`;
      const [head = '', body = '', signature = ''] = (await logoutToken(claims)).split('.');
      for (const token of [
        `${unsigned}.`,
        `${unsigned}.AAAA`,
        unsigned,
        await logoutToken(claims, {}, foreign),
        await logoutToken(claims, { kid: random() }, foreign),
        await logoutToken(claims, { kid: undefined }, foreign),
        await signHmac(new TextEncoder().encode(spki), header, claims),
        await signHmac(new TextEncoder().encode(JSON.stringify({ n, e, kty })), header, claims),
        `${head}.${encode({ ...claims, sub: 'x' })}.${signature}`,
        `${head}.${body}.${signature.slice(0, -4)}`,
        `${head}.${body}.${signature}.`,
        `${head}.${body}.${signature}=`,
      ]) {
        expectRefusal(await send(token));
      }
      expect(await isAlive(session)).toBe(true);
    });

    it('an ID token, a token of ours, garbage, too much', async () => {
      const session = await held();
      const { sub, sid } = session;
      const idToken = { iss: provider.issuer, aud: clientId, sub, sid, iat: now, exp: now + 600 };
      for (const token of [
        await logoutToken(idToken, { typ: 'JWT' }),
        await logoutToken({ ...idToken, nonce: 'n' }, { typ: 'JWT' }),
        session.token,
        session.sealed,
        '',
        'garbage',
        'a.b.c',
        '..',
        `${encode('[]')}.${encode('[]')}.AAAA`,
        'x'.repeat(10_000),
        `${'x'.repeat(5000)}.${'y'.repeat(5000)}.z`,
        '\u0000',
        await logoutToken(claimsFor(session)).then((valid) => `${valid}\n`),
      ]) {
        expectRefusal(await send(token));
      }
      expect(await isAlive(session)).toBe(true);
    });

    it('with why in the log, and nothing of it in the answer', async () => {
      const [session, other] = [await held(), await held()];
      const claims = claimsFor(session);
      const used = await logoutToken(claimsFor({ sub: random(), sid: random() }));
      expect((await send(used)).status).toBe(200);
      const answers = new Set<string>();
      for (const [reason, token] of [
        ['logout_token_used', used],
        ['logout_token_from_the_future', await logoutToken({ ...claims, iat: seconds() + 70 })],
        ['logout_token_over', await logoutToken({ ...claims, iat: seconds() - 370 })],
        ['logout_token_over', await logoutToken({ ...claims, exp: seconds() - 70 })],
        ['logout_token_of_another_subject', await logoutToken({ ...claims, sid: other['sid'] })],
      ] as const) {
        // Nest's own logger is one for the process: that of the gateway that was started last.
        const lines = replica.log.length;
        const answer = await send(token);
        expectRefusal(answer);
        answers.add(answer.text);
        const told = replica.log
          .slice(lines)
          .flatMap((line) => /"reason":"(logout_token_\w+)"/.exec(line)?.[1] ?? []);
        expect(told).toEqual([reason]);
      }
      expect([...answers]).toEqual([expect.stringContaining('the logout token was not accepted')]);
      expect(await isAlive(session)).toBe(true);
    });

    describe.each(name === 'oidc' ? [name] : [])('or taken by its form alone (%s)', () => {
      it.each([
        ['', false],
        ['garbage', false],
        ['a.b', false],
        ['.b.c', false],
        ['a..c', false],
        ['a.b.', false],
        ['a.b.c.d', false],
        [' a.b.c', false],
        ['a.b.c ', false],
        ['a+.b.c', false],
        ['a.b+.c', false],
        ['a.b.c+', false],
        [`a.b.${'c'.repeat(8189)}`, false],
        [`a.b.${'c'.repeat(8188)}`, true],
        ['a.b.c', true],
        ['aa.-_.00', true],
      ])('%.20j has the form of a token: %s', async (token, isToken) => {
        const description = isToken
          ? 'the logout token was not accepted'
          : 'a form with one logout_token is needed';
        expect((await send(token)).json()).toEqual({
          error: 'invalid_request',
          error_description: description,
        });
      });

      it.each([
        ['application/x-www-form-urlencoded', 200],
        ['application/x-www-form-urlencoded;charset=utf-8', 200],
        ['application/x-www-form-urlencoded ; charset=utf-8', 200],
        ['APPLICATION/X-WWW-FORM-URLENCODED', 200],
        ['application/json; x=application/x-www-form-urlencoded', 400],
      ])('sent as %s: %i', async (type, status) => {
        const token = await logoutToken(claimsFor({ sub: random(), sid: random() }));
        const body =
          status === 200
            ? new URLSearchParams({ logout_token: token }).toString()
            : JSON.stringify({ logout_token: token });
        const answer = await gateway.request(path, {
          method: 'POST',
          headers: { 'content-type': type },
          body,
        });
        expect(answer.status).toBe(status);
      });
    });

    it('anything but a form with the one field', async () => {
      const session = await held();
      const token = await logoutToken(claimsFor(session));
      const field = new URLSearchParams({ logout_token: token }).toString();
      const json = { 'content-type': 'application/json' };
      for (const [headers, body] of [
        [form, ''],
        [form, 'token=x'],
        [form, `${field}&${field}`],
        [json, JSON.stringify({ logout_token: token })],
        [json, '[]'],
        [{}, undefined],
      ] as const) {
        const request = { method: 'POST', headers, ...(body === undefined ? {} : { body }) } as const;
        expectRefusal(await gateway.request(path, request));
      }
      expectRefusal(await gateway.request(`${path}?${field}`, { method: 'POST', headers: form, body: '' }));
      for (const method of ['GET', 'PUT', 'DELETE'] as const) {
        expect((await gateway.request(`${path}?${field}`, { method })).status).toBe(405);
      }
      const text = { 'content-type': 'text/plain' };
      expect((await gateway.request(path, { method: 'POST', headers: text, body: field })).status).toBe(415);
      expect(await isAlive(session)).toBe(true);
      expect((await send(token)).status).toBe(200);
    });
  });

  describe('a token is good once', () => {
    it('a second use is refused on every replica, and a login in between lives on [L18]', async () => {
      const session = await held();
      const token = await logoutToken(claimsFor(session));
      expect((await send(token)).status).toBe(200);
      const again = await held(String(session['sub']), String(session['sid']));
      expectRefusal(await send(token));
      expectRefusal(await send(token, replica));
      expect(await isAlive(again)).toBe(true);
    });

    it('another token with the same jti is the same token', async () => {
      const [session, other] = [await held(), await held()];
      const { jti } = claimsFor(session);
      expect((await send(await logoutToken({ ...claimsFor(session), jti }))).status).toBe(200);
      expectRefusal(await send(await logoutToken({ ...claimsFor(other), jti })));
      expect(await isAlive(other)).toBe(true);
    });

    it('of 20 uses at the same time on two replicas one is taken [L18]', async () => {
      const session = await held();
      const token = await logoutToken(claimsFor(session));
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, index) => send(token, index % 2 === 0 ? gateway : replica)),
      );
      expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array(19).fill(400)]);
      // Whichever of the two ended it, the other knows it from the database.
      const { cookie } = session;
      for (const each of [gateway, replica]) {
        const ask = async () => (await each.request('/auth/session', { headers: { cookie } })).status;
        await waitUntil(async () => (await ask()) === 401, 'the replica to know');
      }
    });

    it('as long as its age would let it pass, and then its row goes', async () => {
      const { query } = gateway.app.get(Database, { strict: false });
      await query.deleteFrom('used_tokens').execute();
      const claims = claimsFor(await held());
      const token = await logoutToken(claims);
      const another = async () => logoutToken({ ...claims, jti: random() });
      expect((await send(token)).status).toBe(200);
      gateway.shiftClock(350);
      expectRefusal(await send(token));
      expect((await send(await another())).status).toBe(200);
      expect(await query.selectFrom('used_tokens').selectAll().execute()).toHaveLength(2);
      gateway.shiftClock(365);
      expectRefusal(await send(token));
      expectRefusal(await send(await another()));
      const later = { ...claimsFor(await held()), iat: seconds() + 365 };
      expect((await send(await logoutToken(later))).status).toBe(200);
      expect(await query.selectFrom('used_tokens').selectAll().execute()).toHaveLength(1);
    });

    it('a database that fails after the sessions ended: 503, and the same token is taken again', async () => {
      const session = await held();
      const token = await logoutToken(claimsFor(session));
      const client = new Client({ connectionString: databaseUrl });
      await client.connect();
      try {
        await client.query(`
          create function away() returns trigger language plpgsql as
            $$ begin raise exception 'shutting down' using errcode = '57P01'; end $$;
          create trigger away before insert on used_tokens for each row execute function away()`);
        const failed = await send(token);
        expect([failed.status, failed.json()]).toMatchObject([503, { code: 'database_unavailable' }]);
        expect(await isAlive(session)).toBe(false);
        await client.query('drop trigger away on used_tokens; drop function away');
      } finally {
        await client.end();
      }
      expect((await send(token)).status).toBe(200);
      expectRefusal(await send(token));
    });
  });

  it('while the provider’s keys cannot be had: 503, and garbage is 400 all the same', async () => {
    const alone = await startGateway(providerEnv[name]);
    try {
      const answer = await send(await logoutToken(claimsFor({ sub: random() })), alone);
      expect([answer.status, answer.json()]).toMatchObject([503, { code: 'provider_unavailable' }]);
      expectRefusal(await send('garbage', alone));
    } finally {
      await alone.stop();
    }
  });

  it('the provider itself tells when somebody logs out there: the session ends without its browser', async () => {
    const agent = new UserAgent(site.url);
    const { page: login } = await travel(agent, `${site.url}/auth/login`);
    await sendForm(agent, login, { login: account.sub });
    const cookie = `vestibule=${await agent.cookie('vestibule')}`;
    expect((await gateway.request('/auth/session', { headers: { cookie } })).status).toBe(200);

    const other = new UserAgent(site.url);
    await sendForm(other, (await travel(other, `${site.url}/auth/login`)).page, { login: account.sub });
    const { page } = await travel(agent, provider.origin + endSession[name]);
    await sendForm(agent, page, {});

    const ended = async () =>
      (await gateway.request('/auth/session', { headers: { cookie } })).status === 401;
    await waitUntil(ended, 'the session to end');
    expect((await other.fetch('/auth/session')).status).toBe(200);
    const { query } = gateway.app.get(Database, { strict: false });
    const row = await query
      .selectFrom('sessions')
      .select(['end_reason', 'oidc_sid'])
      .where('subject', '=', account.sub)
      .where('ended_at', 'is not', null)
      .executeTakeFirst();
    expect(row).toEqual({ end_reason: 'backchannel_logout', oidc_sid: expect.any(String) });
  });

  it.each([
    'a logout token about its session',
    'a logout token about its user',
    'a signal about its user',
    'an end of all of its user’s sessions',
  ])('%s that comes during a login leaves no session, and the next login is another one', async (told) => {
    const logIn = async (agent: UserAgent): Promise<void> => {
      await sendForm(agent, (await travel(agent, `${site.url}/auth/login`)).page, { login: account.sub });
    };
    // So that the user is known here.
    await logIn(new UserAgent(site.url));
    const { query } = gateway.app.get(Database, { strict: false });
    const { user_id: userId } = await query
      .selectFrom('identities')
      .select('user_id')
      .where('subject', '=', account.sub)
      .executeTakeFirstOrThrow();
    const administrator = await administratorAt(gateway);
    const subject = { format: 'iss_sub', iss: provider.issuer, sub: account.sub };
    const tell = async (sid: string | null): Promise<number> => {
      if (told === 'an end of all of its user’s sessions') {
        const headers = { authorization: administrator.bearer };
        return (await gateway.request(`/api/v1/users/${userId}/sessions`, { method: 'DELETE', headers }))
          .status;
      }
      if (told === 'a signal about its user') {
        const claims = transmitter.claims(site.url, { [`${risc}account-disabled`]: {} }, subject);
        const headers = { 'content-type': 'application/secevent+jwt' };
        const body = await transmitter.sign(claims);
        return (await gateway.request('/ssf/events', { method: 'POST', headers, body })).status;
      }
      const claims = claimsFor({ sub: account.sub, sid });
      const isOfUser = told === 'a logout token about its user';
      return (await send(await logoutToken({ ...claims, ...(isOfUser ? { sid: undefined } : {}) }))).status;
    };
    const begunAt = Date.now();
    const strategy = gateway.app.get(AuthStrategy, { strict: false });
    const validate = strategy.validate.bind(strategy);
    const answers: number[] = [];
    const during = vi.spyOn(strategy, 'validate').mockImplementationOnce(async (...given) => {
      const validated = await validate(...given);
      answers.push(await tell(validated.evidence.oidcSid));
      return validated;
    });
    const agent = new UserAgent(site.url);
    await logIn(agent);
    during.mockRestore();
    expect(answers.map((status) => status < 300)).toEqual([true]);
    expect((await agent.fetch('/auth/session')).status).toBe(401);
    const live = await query
      .selectFrom('sessions')
      .select('id')
      .where('subject', '=', account.sub)
      .where('created_at', '>=', begunAt)
      .where('ended_at', 'is', null)
      .execute();
    expect(live).toEqual([]);

    const next = new UserAgent(site.url);
    await logIn(next);
    expect((await next.fetch('/auth/session')).status).toBe(200);
  });
});
