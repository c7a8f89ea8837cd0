import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { z } from 'zod';
import { AuditService } from '../../../directory/audit/audit.service.js';
import { Database } from '../../../platform/database/database.schema.js';
import { CommandLineDatabase } from '../authorization-code.schema.js';
import { RevocationService } from '../../../session/revocation/revocation.service.js';
import { plantConnection, plantOrg } from '../../../../test/support/api.caller.js';
import { databaseKinds } from '../../../../test/support/database.kinds.js';
import {
  type Gateway,
  type GatewayAnswer,
  type HeldSession,
  startGateway,
} from '../../../../test/support/gateway.js';
import { TcpRelay } from '../../../../test/support/tcp.relay.js';
import { TestDatabases } from '../../../../test/support/test.database.js';
import { keyOf } from '../../../../test/support/world.js';

const callback = 'http://127.0.0.1:49152/callback';
const state = 'a-state-of-the-program';
const origin = 'https://auth.example.test';

const tokensSchema = z.looseObject({
  access_token: z.string(),
  expires_in: z.number(),
  api_key: z.string(),
  api_key_id: z.uuid(),
});
type Fields = Readonly<Record<string, string | undefined>>;

const newVerifier = (): string => randomBytes(32).toString('base64url');
const challengeOf = (verifier: string): string => createHash('sha256').update(verifier).digest('base64url');

function form(fields: Fields): string {
  return new URLSearchParams(
    Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  ).toString();
}

describe.each(databaseKinds)('a command line’s login on %s', (kind) => {
  let gateway: Gateway;
  let databases: TestDatabases;
  let session: HeldSession;
  let verifier: string;
  let asked: Fields;

  beforeAll(async () => {
    databases = new TestDatabases(inject('postgresUrl'));
    gateway = await startGateway(
      kind === 'postgres' ? { DATABASE_URL: await databases.createMigrated() } : {},
    );
  });

  beforeEach(async () => {
    gateway.shiftClock(0);
    session = await gateway.session();
    verifier = newVerifier();
    asked = {
      redirect_uri: callback,
      code_challenge: challengeOf(verifier),
      code_challenge_method: 'S256',
      state,
      device: 'laptop',
    };
  });

  afterAll(async () => {
    await gateway?.stop();
    await databases?.drop();
  });

  const ask = async (changed: Fields = {}, headers: Fields = {}): Promise<GatewayAnswer> =>
    gateway.request(`/auth/cli?${form({ ...asked, ...changed })}`, {
      headers: { cookie: session.cookie, accept: 'text/html', ...clean(headers) },
    });
  const answer = async (changed: Fields = {}, headers: Fields = {}): Promise<GatewayAnswer> =>
    gateway.request('/auth/cli', {
      method: 'POST',
      headers: {
        cookie: session.cookie,
        origin,
        'sec-fetch-site': 'same-origin',
        'content-type': 'application/x-www-form-urlencoded',
        ...clean(headers),
      },
      body: form({ ...asked, session: session.claims.sid, decision: 'allow', ...changed }),
    });
  const codeOf = (given: GatewayAnswer): string =>
    new URL(given.headers['location'] ?? '').searchParams.get('code') ?? '';
  const redeem = async (code: string, changed: Fields = {}): Promise<GatewayAnswer> =>
    gateway.request('/auth/token', {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: form({
        grant_type: 'authorization_code',
        client_id: 'vestibule-cli',
        code,
        code_verifier: verifier,
        redirect_uri: callback,
        ...changed,
      }),
    });
  const clean = (headers: Fields): Record<string, string> =>
    Object.fromEntries(
      Object.entries(headers).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
    );

  it('asks the person, who sees which machine and where the answer goes, and then gives a code', async () => {
    const page = await ask();
    expect(page.status).toBe(200);
    expect(page.text).toContain('laptop');
    expect(page.text).toContain('127.0.0.1:49152');
    expect(page.headers['content-security-policy']).toContain("form-action 'self' http://127.0.0.1:*");
    expect(page.headers['content-security-policy']).toContain("frame-ancestors 'none'");
    const given = await answer();
    expect(given.status).toBe(303);
    const target = new URL(given.headers['location'] ?? '');
    expect(`${target.origin}${target.pathname}`).toBe(callback);
    expect(Object.fromEntries(target.searchParams)).toEqual({ code: expect.any(String), state, iss: origin });
  });

  it('the code becomes a token and an API key of the person, shown in the list of their keys', async () => {
    const redeemed = await redeem(codeOf(await answer()));
    expect([redeemed.status, redeemed.headers['cache-control']]).toEqual([200, 'no-store']);
    const { access_token, expires_in, api_key, api_key_id } = tokensSchema.parse(redeemed.json());
    expect([0, 1, 2]).toContain(gateway.configuration.TOKEN_TTL - expires_in);
    for (const headers of [{ authorization: `Bearer ${access_token}` }, { 'x-api-key': api_key }]) {
      const me = await gateway.request('/api/v1/me', { headers });
      expect([me.status, me.json()]).toMatchObject([200, { id: session.user.id }]);
    }
    const keys = await gateway.request('/api/v1/api-keys', { headers: { cookie: session.cookie } });
    expect(keys.json()).toMatchObject({
      items: [{ id: api_key_id, name: 'Command line on laptop', scope: 'api' }],
    });
    const [{ expiresAt = '' } = {}] = z
      .looseObject({ items: z.array(z.looseObject({ expiresAt: z.string() })) })
      .parse(keys.json()).items;
    expect(Math.round((Date.parse(expiresAt) - Date.now()) / 60_000)).toBe(30 * 24 * 60);
  });

  it('a token is of the user as they are now, also right after a change and another login', async () => {
    const [first, second] = [codeOf(await answer()), codeOf(await answer())];
    expect((await redeem(first)).status).toBe(200);
    await gateway.app.get(RevocationService, { strict: false }).invalidate('user', session.user.id);
    const { access_token: token } = tokensSchema.parse((await redeem(second)).json());
    const headers = { authorization: `Bearer ${token}` };
    expect((await gateway.request('/auth/session', { headers })).status).toBe(200);
  });

  it('is on every replica but once: 20 exchanges of one code at the same time are one login', async () => {
    const code = codeOf(await answer());
    const answers = await Promise.all(Array.from({ length: 20 }, () => redeem(code)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 400)).toHaveLength(19);
  });

  it('without a redirect the code is shown, to be pasted', async () => {
    const paste = { redirect_uri: undefined, state: undefined };
    expect((await ask(paste)).text).toContain('a code to paste');
    const page = await answer(paste);
    const code = /<code id="code">([\w-]{43})<\/code>/.exec(page.text)?.[1] ?? '';
    expect((await redeem(code)).status).toBe(400);
    const again = /<code id="code">([\w-]{43})<\/code>/.exec((await answer(paste)).text)?.[1] ?? '';
    gateway.shiftClock(299);
    expect((await redeem(again, { redirect_uri: undefined })).status).toBe(200);
    gateway.shiftClock(0);
    const late = /<code id="code">([\w-]{43})<\/code>/.exec((await answer(paste)).text)?.[1] ?? '';
    gateway.shiftClock(301);
    expect((await redeem(late, { redirect_uri: undefined })).json()).toMatchObject({
      error: 'invalid_grant',
    });
  });

  it('a person who denies sends the program that, and nobody a code', async () => {
    const denied = await answer({ decision: 'deny' });
    expect(denied.headers['location']).toBe(
      `${callback}?${new URLSearchParams({ error: 'access_denied', state, iss: origin })}`,
    );
    const page = await answer({ decision: 'deny', redirect_uri: undefined, state: undefined });
    expect([page.status, page.text.includes('id="code"')]).toEqual([200, false]);
  });

  it.each([
    ['a foreign redirect', { redirect_uri: 'https://evil.example/callback' }],
    ['a name that may be resolved elsewhere', { redirect_uri: 'http://localhost:49152/callback' }],
    ['https on loopback', { redirect_uri: 'https://127.0.0.1:49152/callback' }],
    ['another path', { redirect_uri: 'http://127.0.0.1:49152/other' }],
    ['a path that goes on', { redirect_uri: 'http://127.0.0.1:49152/callback/x' }],
    ['a query', { redirect_uri: 'http://127.0.0.1:49152/callback?next=x' }],
    ['a fragment', { redirect_uri: 'http://127.0.0.1:49152/callback#x' }],
    ['no port', { redirect_uri: 'http://127.0.0.1/callback' }],
    ['a host behind a user', { redirect_uri: 'http://127.0.0.1:49152@evil.example/callback' }],
    ['a host with our address in it', { redirect_uri: 'http://127.0.0.1.evil.example:80/callback' }],
    ['another loopback address', { redirect_uri: 'http://127.0.0.2:49152/callback' }],
    ['a line feed', { redirect_uri: `${callback}\n` }],
    ['no challenge', { code_challenge: undefined }],
    ['a short challenge', { code_challenge: 'abc' }],
    ['no method', { code_challenge_method: undefined }],
    ['plain', { code_challenge_method: 'plain' }],
    ['no state', { state: undefined }],
    ['markup as a state', { state: '<script>alert(1)</script>' }],
    ['markup as a machine', { device: '<b>x</b>' }],
    ['a machine with a name that is too long', { device: 'x'.repeat(61) }],
    ['a machine whose name turns the text around', { device: 'a\u202Eb' }],
  ] as const)('%s is refused, before and after the person was asked', async (_name, changed) => {
    for (const refused of [await ask(changed), await answer(changed)]) {
      expect([refused.status, refused.headers['location']]).toEqual([400, undefined]);
    }
  });

  it('a port beyond 65535 leads nowhere and never to a 500', async () => {
    expect((await ask({ redirect_uri: 'http://127.0.0.1:99999/callback' })).status).toBe(400);
  });

  it.each([
    ['another verifier', { code_verifier: newVerifier() }],
    ['no verifier', { code_verifier: undefined }],
    ['the challenge as the verifier', { code_verifier: 'x'.repeat(43) }],
    ['another redirect', { redirect_uri: 'http://127.0.0.1:49153/callback' }],
    ['no redirect', { redirect_uri: undefined }],
    ['another client', { client_id: 'vestibule' }],
    ['no client', { client_id: undefined }],
    ['a code that was never made', { code: newVerifier() }],
    ['something else as a code', { code: "' or 1=1 --" }],
    ['no code', { code: undefined }],
  ] as const)('a code with %s is refused', async (_name, changed) => {
    const refused = await redeem(codeOf(await answer()), changed);
    expect(refused.status).toBe(400);
    expect(refused.json()).toMatchObject({ error: expect.stringMatching(/^invalid_(?:grant|request)$/) });
  });

  it('a code that was tried with another verifier is used up', async () => {
    const code = codeOf(await answer());
    expect((await redeem(code, { code_verifier: newVerifier() })).json()).toMatchObject({
      error: 'invalid_grant',
    });
    expect((await redeem(code)).json()).toMatchObject({ error: 'invalid_grant' });
  });

  it('a code that was used is refused, and so is one of more than a minute ago', async () => {
    const code = codeOf(await answer());
    expect((await redeem(code)).status).toBe(200);
    expect((await redeem(code)).json()).toMatchObject({ error: 'invalid_grant' });
    const young = codeOf(await answer());
    const old = codeOf(await answer());
    gateway.shiftClock(58);
    expect((await redeem(young)).status).toBe(200);
    gateway.shiftClock(61);
    expect((await redeem(old)).json()).toMatchObject({ error: 'invalid_grant' });
  });

  it('a code whose session was ended is refused, and so is one of a disabled user', async () => {
    const left = codeOf(await answer());
    await gateway.request('/auth/logout', { method: 'POST', headers: { cookie: session.cookie } });
    expect((await redeem(left)).json()).toMatchObject({ error: 'invalid_grant' });
    session = await gateway.session();
    const disabled = codeOf(await answer());
    await gateway.app
      .get(Database, { strict: false })
      .query.updateTable('users')
      .set({ disabled_at: Date.now() })
      .where('id', '=', session.user.id)
      .execute();
    expect((await redeem(disabled)).json()).toMatchObject({ error: 'invalid_grant' });
  });

  it('a code of a login by an organisation’s connection, whose user is a member elsewhere by now, is refused [A08]', async () => {
    const issuer = await plantConnection(gateway, await plantOrg(gateway, 'home', {}));
    session = await gateway.session({ issuer });
    const code = codeOf(await answer());
    await plantOrg(gateway, 'elsewhere', { member: session });
    expect((await redeem(code)).json()).toMatchObject({ error: 'invalid_grant' });
  });

  it('what is refused is in the trail, with why, and the program learns no more than it must', async () => {
    const { query } = gateway.app.get(Database, { strict: false });
    const audit = gateway.app.get(AuditService, { strict: false });
    await audit.flush();
    await query.deleteFrom('audit_events').execute();
    const answers = [
      await redeem(newVerifier()),
      await redeem(codeOf(await answer()), { code_verifier: newVerifier() }),
      await redeem(codeOf(await answer()), { redirect_uri: undefined }),
    ];
    const left = codeOf(await answer());
    await gateway.request('/auth/logout', { method: 'POST', headers: { cookie: session.cookie } });
    answers.push(await redeem(left));
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    await audit.flush();
    const events = await query
      .selectFrom('audit_events')
      .select(['reason', 'outcome', 'remote_address'])
      .where('type', '=', 'token_exchanged')
      .orderBy('id')
      .execute();
    expect(events).toEqual(
      ['code_unknown_used_or_over', 'code_verifier_wrong', 'redirect_uri_differs', 'session_over'].map(
        (reason) => ({ reason, outcome: 'failure', remote_address: '127.0.0.1' }),
      ),
    );
  });

  it('a form that is incomplete is refused with the names of what is missing', async () => {
    const refused = await redeem('x', { code_verifier: undefined, client_id: undefined });
    expect(refused.json()).toEqual({
      error: 'invalid_request',
      error_description: 'missing, given twice, or not valid: code, code_verifier, client_id',
    });
  });

  it('codes that are over are forgotten when the next one is made', async () => {
    const { query } = gateway.app.get(CommandLineDatabase, { strict: false });
    await answer();
    gateway.shiftClock(61);
    await answer();
    const rows = await query.selectFrom('authorization_codes').select('session_id').execute();
    expect(rows).toEqual([{ session_id: session.claims.sid }]);
  });

  it('a page that was shown to another session confirms nothing', async () => {
    const other = await gateway.session();
    for (const sid of [other.claims.sid, 'x', '']) {
      const refused = await answer({ session: sid });
      expect([refused.status, refused.headers['location']]).toEqual([403, undefined]);
    }
  });

  it('a page of another site can neither press the button nor show the page in a frame', async () => {
    for (const headers of [
      { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' },
      { origin: 'null', 'sec-fetch-site': undefined },
    ]) {
      expect((await answer({}, headers)).status).toBe(403);
    }
    expect((await ask()).headers['x-frame-options']).toBe('DENY');
  });

  it('a GET never gives a code, also with a decision in it', async () => {
    const page = await ask({ decision: 'allow', session: session.claims.sid });
    expect([page.status, page.headers['location']]).toEqual([200, undefined]);
  });

  it('only a browser’s session is asked: a token, a key or nobody is not', async () => {
    const key = await keyOf(gateway.app, session.user.id, 'api');
    for (const headers of [{ authorization: session.bearer }, { 'x-api-key': key }]) {
      const asked = await ask({}, { cookie: undefined, ...headers });
      expect(asked.status).toBe(403);
      expect((await answer({}, { cookie: undefined, ...headers })).status).toBe(403);
    }
    expect((await answer({}, { cookie: '' })).status).toBe(401);
    const navigation = { cookie: '', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };
    const sent = await ask({}, navigation);
    expect(sent.status).toBe(302);
    const login = new URL(sent.headers['location'] ?? '', origin);
    expect(login.pathname).toBe('/auth/login');
    expect(login.searchParams.get('return_to')).toBe(`/auth/cli?${form(asked)}`);
  });

  it('a session whose login is long ago must log in again first: it would get an API key [H05]', async () => {
    gateway.shiftClock(901);
    const page = await ask({}, { 'sec-fetch-mode': 'navigate' });
    expect(page.headers['location']).toMatch(/^\/auth\/login\?max_age=900&return_to=%2Fauth%2Fcli/);
    expect((await answer()).status).toBe(401);
  });

  it('the code is in no log line and in no table as it is', async () => {
    const from = gateway.log.length;
    const code = codeOf(await answer());
    const rows = await gateway.app
      .get(CommandLineDatabase, { strict: false })
      .query.selectFrom('authorization_codes')
      .selectAll()
      .execute();
    expect(rows.length).toBeGreaterThan(0);
    expect(JSON.stringify(rows)).not.toContain(code);
    await redeem(code);
    expect(gateway.log.slice(from).join('')).not.toContain(code);
  });
});

it('a code at a gateway whose database is away, or cannot do what it is asked, is never called used up', async () => {
  const databases = new TestDatabases(inject('postgresUrl'));
  const { relay, url } = await TcpRelay.start(await databases.createMigrated());
  const gateway = await startGateway({ DATABASE_URL: url });
  const redeem = async (): Promise<GatewayAnswer> =>
    gateway.request('/auth/token', {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: form({
        grant_type: 'authorization_code',
        client_id: 'vestibule-cli',
        code: newVerifier(),
        code_verifier: newVerifier(),
      }),
    });
  try {
    const { query } = gateway.app.get(Database, { strict: false });
    await query.schema.alterTable('authorization_codes').renameTo('authorization_codes_away').execute();
    const broken = await redeem();
    expect([broken.status, broken.json()]).toMatchObject([500, { code: 'internal_error' }]);
    expect(gateway.log.some((line) => line.includes('"reason":"command_line_login_failed"'))).toBe(true);
    await relay.cut();
    const away = await redeem();
    expect([away.status, away.json()]).toMatchObject([503, { code: 'database_unavailable' }]);
  } finally {
    await gateway.stop();
    await databases.drop();
  }
});
