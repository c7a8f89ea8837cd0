import { decodeJwt } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it, vi } from 'vitest';
import { AuthStrategy } from '../../../auth-strategy/auth.strategy.js';
import { AuditService } from '../../../directory/audit/audit.service.js';
import { Database } from '../../../platform/database/database.schema.js';
import { RevocationService } from '../../../session/revocation/revocation.service.js';
import { TokenService } from '../../../session/tokens/token.service.js';
import { administratorAt } from '../../../../test/support/administrator.js';
import {
  type AnsweringOry,
  personsToken,
  startAnsweringOry,
} from '../../../../test/support/answering.ory.js';
import {
  type Credential,
  exchange,
  hearOfChange,
  makeKey,
  plantConnection,
  plantOrg,
  send,
  textOf,
} from '../../../../test/support/api.caller.js';
import { databaseKinds } from '../../../../test/support/database.kinds.js';
import { type FreshDatabase, freshDatabase } from '../../../../test/support/fresh.database.js';
import {
  type Gateway,
  type GatewayAnswer,
  type HeldSession,
  providerEnv,
  startGateway,
} from '../../../../test/support/gateway.js';
import { waitUntil } from '../../../../test/support/stack.js';

const grant_type = 'urn:ietf:params:oauth:grant-type:token-exchange';
const types = {
  access: 'urn:ietf:params:oauth:token-type:access_token',
  jwt: 'urn:ietf:params:oauth:token-type:jwt',
  key: 'urn:vestibule:params:oauth:token-type:api_key',
  session: 'urn:vestibule:params:oauth:token-type:session',
  refresh: 'urn:ietf:params:oauth:token-type:refresh_token',
} as const;

type Form = Readonly<Record<string, string>>;

describe.each(databaseKinds)('POST /auth/token on %s', (kind) => {
  let database: FreshDatabase;
  let gateway: Gateway;
  let person: HeldSession;
  let orgId: string;
  let secondOrgId: string;
  let foreignOrgId: string;
  let key: string;
  let keyId: string;

  beforeAll(async () => {
    database = await freshDatabase(kind, inject('postgresUrl'));
    gateway = await startGateway({ DATABASE_URL: database.url });
    person = await gateway.session();
    orgId = await plantOrg(gateway, 'first', { owner: person });
    secondOrgId = await plantOrg(gateway, 'second', { member: person });
    foreignOrgId = await plantOrg(gateway, 'foreign', { owner: await gateway.session() });
    await gateway.app.get(RevocationService, { strict: false }).invalidate('user', person.user.id);
    ({ id: keyId, key } = await makeKey(
      gateway,
      { cookie: person.cookie },
      { scope: 'profile:read orgs:read app:x' },
    ));
  });

  afterAll(async () => {
    await gateway?.stop();
    await database?.drop();
  });

  const fromSession = (form: Form = {}, as: Credential = { cookie: person.cookie }) =>
    exchange(gateway, { grant_type, subject_token_type: types.session, ...form }, as);
  const fromKey = (form: Form = {}, subject_token = key) =>
    exchange(gateway, { grant_type, subject_token_type: types.key, subject_token, ...form });
  const fromJwt = (subject_token: string, form: Form = {}) =>
    exchange(gateway, { grant_type, subject_token_type: types.jwt, subject_token, ...form });

  /** The token in an answer, which must be a good one. */
  function tokenOf(answer: GatewayAnswer): string {
    expect({ status: answer.status, text: answer.status === 200 ? '' : answer.text }).toEqual({
      status: 200,
      text: '',
    });
    return textOf(answer, 'access_token');
  }

  const statusWith = async (token: string, path = '/api/v1/me'): Promise<number> =>
    (await gateway.request(path, { headers: { authorization: `Bearer ${token}` } })).status;

  function expectRefused(answer: GatewayAnswer, error: string): void {
    expect({ status: answer.status, body: answer.json() }).toEqual({
      status: 400,
      body: { error, error_description: expect.any(String) },
    });
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(answer.headers['pragma']).toBe('no-cache');
  }

  it('answers as RFC 8693 section 2.2.1 says', async () => {
    const answer = await fromSession({}, { cookie: (await gateway.session()).cookie });
    expect(answer.json()).toEqual({
      access_token: expect.any(String),
      issued_token_type: types.access,
      token_type: 'Bearer',
      expires_in: expect.any(Number),
      scope: 'openid api',
    });
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(answer.headers['pragma']).toBe('no-cache');
    expect(answer.cookies).toEqual([]);
    const left = gateway.configuration.TOKEN_TTL - Number(textOf(answer, 'expires_in'));
    expect([0, 1, 2]).toContain(left);
    const jwt = await fromSession({ requested_token_type: types.jwt, audience: '', resource: '' });
    expect(textOf(jwt, 'issued_token_type')).toBe(types.jwt);
    expect(await statusWith(tokenOf(jwt))).toBe(200);
  });

  describe('refuses with the code of the RFC:', () => {
    const table: readonly (readonly [string, string, Form])[] = [
      ['no grant', 'invalid_request', { grant_type: '' }],
      ['another grant', 'unsupported_grant_type', { grant_type: 'client_credentials' }],
      ['a grant of a prototype', 'unsupported_grant_type', { grant_type: '__proto__' }],
      ['no type of subject', 'invalid_request', { subject_token_type: '' }],
      ['an unknown type', 'invalid_request', { subject_token_type: 'token' }],
      ['a refresh token', 'invalid_request', { subject_token_type: types.refresh, subject_token: 'x' }],
      ['a session with a token', 'invalid_request', { subject_token: 'x' }],
      ['an access token that is missing', 'invalid_request', { subject_token_type: types.access }],
      ['a key that is missing', 'invalid_request', { subject_token_type: types.key }],
      ['a JWT that is missing', 'invalid_request', { subject_token_type: types.jwt }],
      ['a garbage key', 'invalid_request', { subject_token_type: types.key, subject_token: 'vst_x' }],
      ['a garbage JWT', 'invalid_request', { subject_token_type: types.jwt, subject_token: 'a.b.c' }],
      ['a long token', 'invalid_request', { subject_token_type: types.jwt, subject_token: 'x'.repeat(8193) }],
      ['an empty scope', 'invalid_scope', { scope: ' ' }],
      ['a mistyped scope', 'invalid_scope', { scope: 'orgs:raed' }],
      ['a mistyped scope beside a known one', 'invalid_scope', { scope: 'orgs:read orgs:raed' }],
      ['a malformed scope', 'invalid_scope', { scope: 'a"b' }],
      ['a scope with a line break', 'invalid_scope', { scope: 'api\nx' }],
      ['another audience', 'invalid_target', { audience: 'https://elsewhere.example' }],
      ['another resource', 'invalid_target', { resource: 'https://elsewhere.example' }],
      ['an unknown organisation', 'invalid_target', { org: 'nowhere' }],
      ['an organisation of others', 'invalid_target', { org: 'foreign' }],
      ['an organisation of a prototype', 'invalid_target', { org: '__proto__' }],
      ['an organisation that no database can hold', 'invalid_target', { org: 'fi\u0000rst' }],
      ['another token to be made', 'invalid_request', { requested_token_type: types.refresh }],
      ['an actor without a type', 'invalid_request', { actor_token: 'x' }],
      ['a type without an actor', 'invalid_request', { actor_token_type: types.jwt }],
      ['a garbage actor', 'invalid_request', { actor_token: 'a.b.c', actor_token_type: types.jwt }],
      ['a session as an actor', 'invalid_request', { actor_token: 'x', actor_token_type: types.session }],
    ];

    it.each(table)('%s: %s', async (_case, error, form) => {
      expectRefused(await fromSession(form), error);
    });

    it('a session without a cookie, and a bearer as a session: invalid_request', async () => {
      expectRefused(await fromSession({}, {}), 'invalid_request');
      expectRefused(await fromSession({}, { authorization: person.bearer }), 'invalid_request');
      expectRefused(await fromSession({}, { 'x-api-key': key }), 'invalid_request');
      expectRefused(await fromSession({}, { cookie: `${gateway.cookieName}=x` }), 'invalid_request');
    });

    it.each(['grant_type', 'subject_token_type', 'scope', 'org', 'requested_token_type'])(
      '%s given twice: invalid_request',
      async (name) => {
        const form: [string, string][] = [
          ['grant_type', grant_type],
          ['subject_token_type', types.session],
          [name, 'first'],
          [name, 'second'],
        ];
        expectRefused(await exchange(gateway, form, { cookie: person.cookie }), 'invalid_request');
      },
    );

    it('and names each field that is missing or not valid', async () => {
      const form = { grant_type, subject_token_type: '', requested_token_type: 'x', org: 'x'.repeat(500) };
      const said = Reflect.get(Object((await exchange(gateway, form)).json()), 'error_description');
      expect(String(said).replace('missing, given twice, or not valid: ', '').split(', ').sort()).toEqual([
        'org',
        'requested_token_type',
        'subject_token_type',
      ]);
    });

    it('nothing at all, and JSON of the wrong kind: invalid_request', async () => {
      expectRefused(await exchange(gateway, {}), 'invalid_request');
      for (const body of [[], 17, null, { grant_type: {} }, { grant_type, subject_token_type: 1 }]) {
        expectRefused(await send(gateway, 'POST', '/auth/token', {}, body), 'invalid_request');
      }
    });

    it('more scope than the subject has: invalid_scope', async () => {
      for (const scope of ['api', 'orgs:write', 'profile:read keys:read', 'app:y', 'openid']) {
        expectRefused(await fromKey({ scope }), 'invalid_scope');
      }
    });

    it('and says nothing of what was sent, nor why a token was refused', async () => {
      const revoked = await makeKey(gateway, { cookie: person.cookie });
      await send(gateway, 'DELETE', `/api/v1/api-keys/${revoked.id}`, { cookie: person.cookie });
      const answer = await fromKey({}, revoked.key);
      expectRefused(answer, 'invalid_request');
      expect(answer.text).toBe((await fromKey({}, 'vst_x')).text);
      expect(gateway.log.join('\n')).not.toContain(revoked.key);
      expect(gateway.log.some((line) => line.includes('api_key_over'))).toBe(true);
    });
  });

  it('takes the audience as often as it is given, and ignores what it does not know', async () => {
    const { TOKEN_AUDIENCE: audience } = gateway.configuration;
    const form: [string, string][] = [
      ['grant_type', grant_type],
      ['subject_token_type', types.session],
      ['audience', audience],
      ['audience', audience],
      ['resource', audience],
      ['client_id', 'somebody'],
      ['whatever', 'x'],
    ];
    const answer = await exchange(gateway, form, { cookie: person.cookie });
    expect(decodeJwt(tokenOf(answer)).aud).toBe(audience);
  });

  it('a session becomes a token with less scope, which is held to it', async () => {
    const answer = await fromSession({ scope: 'orgs:read app:y' });
    expect(textOf(answer, 'scope')).toBe('orgs:read app:y');
    const token = tokenOf(answer);
    expect(decodeJwt(token)['scope']).toBe('orgs:read app:y');
    expect(await statusWith(token)).toBe(403);
    expect(await statusWith(token, '/auth/session')).toBe(200);
  });

  it('tokens and keys of one person keep their own scope, however often the others were verified before [L14]', async () => {
    const own = await gateway.session();
    const as = { cookie: own.cookie };
    const narrow = [
      tokenOf(await fromSession({ scope: 'orgs:read' }, as)),
      (await makeKey(gateway, as, { scope: 'orgs:read' })).key,
    ];
    const wide = [
      tokenOf(await fromSession({ scope: 'api' }, as)),
      (await makeKey(gateway, as, { scope: 'profile:read' })).key,
      own.token,
    ];
    const statusAt = async (credential: string): Promise<number> =>
      (await gateway.request('/api/v1/me', { headers: { authorization: `Bearer ${credential}` } })).status;
    for (let round = 0; round < 3; round += 1) {
      for (const credential of [...wide, ...narrow]) {
        expect(await statusAt(credential)).toBe(wide.includes(credential) ? 200 : 403);
      }
      expect((await gateway.request('/api/v1/me', { headers: as })).status).toBe(200);
    }
  });

  it('an organisation by id or slug changes the org claim and nothing else', async () => {
    const stable = (token: string): Record<string, unknown> => {
      const { jti: _jti, iat: _iat, nbf: _nbf, exp: _exp, ...rest } = decodeJwt(token);
      return rest;
    };
    const plain = stable(tokenOf(await fromSession()));
    expect(plain['org']).toEqual({ id: orgId, slug: 'first', role: 'owner' });
    for (const org of [secondOrgId, 'second']) {
      const token = tokenOf(await fromSession({ org }));
      expect(stable(token)).toEqual({ ...plain, org: { id: secondOrgId, slug: 'second', role: 'member' } });
      expect(await statusWith(token)).toBe(200);
      expect(decodeJwt(tokenOf(await fromKey({ org })))['org']).toEqual({
        id: secondOrgId,
        slug: 'second',
        role: 'member',
      });
    }
    expectRefused(await fromKey({ org: foreignOrgId }), 'invalid_target');
    const { cookie } = await gateway.session();
    expectRefused(await fromSession({ org: 'first' }, { cookie }), 'invalid_target');
    expect(stable(tokenOf(await fromSession()))).toEqual(plain);
  });

  it('an API key becomes a token of its owner, with its scope and id, that dies with it', async () => {
    const own = await makeKey(gateway, { cookie: person.cookie }, { scope: 'profile:read app:x' });
    const token = tokenOf(await fromKey({}, own.key));
    expect(decodeJwt(token)).toMatchObject({
      sub: person.user.id,
      sid: own.id,
      client_id: 'api-key',
      scope: 'profile:read app:x',
      auth_time: 0,
    });
    const narrow = tokenOf(await fromJwt(token, { scope: 'profile:read' }));
    expect([await statusWith(token), await statusWith(narrow)]).toEqual([200, 200]);
    await send(gateway, 'DELETE', `/api/v1/api-keys/${own.id}`, { cookie: person.cookie });
    expect([await statusWith(token), await statusWith(narrow)]).toEqual([401, 401]);
    expectRefused(await fromJwt(token), 'invalid_request');
    expectRefused(await fromKey({}, own.key), 'invalid_request');
  });

  it('a token from a key ends no later than the key', async () => {
    const expiresAt = new Date(Date.now() + 90_000).toISOString();
    const own = await makeKey(gateway, { cookie: person.cookie }, { expiresAt });
    const answer = await fromKey({}, own.key);
    expect(decodeJwt(tokenOf(answer)).exp).toBe(Math.floor(Date.parse(expiresAt) / 1000));
    expect(Number(textOf(answer, 'expires_in'))).toBeLessThanOrEqual(90);
  });

  it('what a key says is read anew for every exchange, and a logout with such a token ends nothing', async () => {
    const token = tokenOf(await fromKey());
    expect(decodeJwt(token)['sid']).toBe(keyId);
    const lines = gateway.log.length;
    await send(gateway, 'POST', '/auth/logout', { authorization: `Bearer ${token}` });
    expect(await statusWith(token)).toBe(200);
    expect(gateway.log.slice(lines).join('\n')).not.toContain('provider_logout_failed');
    const { query } = gateway.app.get(Database, { strict: false });
    await query.updateTable('users').set({ name: 'New Name' }).where('id', '=', person.user.id).execute();
    expect(decodeJwt(tokenOf(await fromKey()))['name']).toBe('New Name');
  });

  it('a token of ours becomes a narrower one, never a wider or longer one', async () => {
    const wide = tokenOf(await fromSession());
    const narrow = tokenOf(await fromJwt(wide, { scope: 'profile:read orgs:read' }));
    gateway.shiftClock(20);
    try {
      const narrower = tokenOf(await fromJwt(narrow, { scope: 'profile:read' }));
      expect(decodeJwt(narrower).exp).toBe(decodeJwt(narrow).exp);
      expect(decodeJwt(narrower)['sid']).toBe(decodeJwt(wide)['sid']);
      expectRefused(await fromJwt(narrower, { scope: 'orgs:read' }), 'invalid_scope');
      expectRefused(await fromJwt(narrow, { scope: 'api' }), 'invalid_scope');
      // One that was narrowed was handed on for one organisation; one with full authority may move.
      expectRefused(await fromJwt(narrow, { org: 'second' }), 'invalid_target');
      for (const org of ['first', orgId]) {
        expect(decodeJwt(tokenOf(await fromJwt(narrow, { org })))['org']).toMatchObject({ id: orgId });
      }
      expect(decodeJwt(tokenOf(await fromJwt(wide, { org: 'second' })))['org']).toMatchObject({
        id: secondOrgId,
      });
    } finally {
      gateway.shiftClock(0);
    }
  });

  it('a token of ours that is over, stale, or of an ended session is none', async () => {
    const other = await gateway.session();
    const token = tokenOf(await fromSession({}, { cookie: other.cookie }));
    gateway.shiftClock(gateway.configuration.TOKEN_TTL + 120);
    expectRefused(await fromJwt(token), 'invalid_request');
    gateway.shiftClock(0);
    expect((await fromJwt(token)).status).toBe(200);
    gateway.shiftClock(2);
    await gateway.app.get(RevocationService, { strict: false }).invalidate('user', other.user.id);
    gateway.shiftClock(0);
    expectRefused(await fromJwt(token), 'invalid_request');
    const third = await gateway.session();
    const ended = tokenOf(await fromSession({}, { cookie: third.cookie }));
    await send(gateway, 'POST', '/auth/logout', { cookie: third.cookie });
    expectRefused(await fromJwt(ended), 'invalid_request');
    expectRefused(await fromSession({}, { cookie: third.cookie }), 'invalid_request');
  });

  it('a session that has ended where this replica has not heard of it yet becomes no token, and can be logged out', async () => {
    const { cookie, claims } = await gateway.session();
    const { query } = gateway.app.get(Database, { strict: false });
    await query.updateTable('sessions').set({ ended_at: Date.now() }).where('id', '=', claims.sid).execute();
    const lines = gateway.log.length;
    expectRefused(await fromSession({}, { cookie }), 'invalid_request');
    expect(gateway.log.slice(lines).some((line) => line.includes('"reason":"session_over"'))).toBe(true);
    expect((await send(gateway, 'POST', '/auth/logout', { cookie })).status).toBe(200);
    expect(gateway.log.slice(lines).join('\n')).not.toContain('provider_logout_failed');
  });

  it('what is made from a token ends with it, and a change that comes in between outdates both [stale claims]', async () => {
    const { cookie, token, claims, user } = await gateway.session();
    const org = await plantOrg(gateway, 'between', { member: { user } });
    const session = { headers: { cookie } };
    try {
      gateway.shiftClock(60);
      const made = [
        tokenOf(await fromSession({}, { cookie })),
        tokenOf(await fromSession({ org }, { cookie })),
        tokenOf(await fromJwt(token, { org })),
      ];
      const switched = await send(gateway, 'POST', `/api/v1/orgs/${org}/switch`, { cookie });
      const next = { headers: { cookie: switched.cookies[0]?.split(';', 1)[0] ?? '' } };
      expect(made.map((one) => decodeJwt(one).exp)).toEqual(made.map(() => claims.exp));
      expect(await Promise.all(made.map((one) => statusWith(one)))).toEqual([200, 200, 200]);
      expect((await gateway.request('/auth/session', next)).cookies).toEqual([]);
      hearOfChange(gateway, user.id, Date.now() + 30_000);
      expect(await Promise.all(made.map((one) => statusWith(one)))).toEqual([401, 401, 401]);
      // Cookies are renewed instead: then the provider is asked.
      for (const held of [session, next]) {
        expect((await gateway.request('/auth/session', held)).cookies).toHaveLength(1);
      }
    } finally {
      gateway.shiftClock(0);
    }
  });

  it('a login by an organisation’s connection acts for that one alone, also where no change has been heard of [A08]', async () => {
    const home = await plantOrg(gateway, 'home', {});
    const held = await gateway.session({ issuer: await plantConnection(gateway, home) });
    const { cookie, claims } = held;
    const { query } = gateway.app.get(Database, { strict: false });
    const [user_id, state] = [held.user.id, 'active'] as const;
    await query
      .insertInto('memberships')
      .values({ org_id: home, user_id, role: 'member', state, created_at: 1 })
      .execute();
    const org = await plantOrg(gateway, 'elsewhere', { owner: held });
    for (const given of [org, 'elsewhere']) {
      expectRefused(await fromSession({ org: given }, { cookie }), 'invalid_target');
      expectRefused(await fromJwt(held.token, { org: given }), 'invalid_target');
    }
    const switched = await send(gateway, 'POST', `/api/v1/orgs/${org}/switch`, { cookie });
    expect([switched.status, switched.json()]).toMatchObject([403, { code: 'forbidden' }]);
    const robot = { name: 'Robot', scope: 'orgs:read', role: 'admin' };
    for (const [path, body] of [
      ['api-keys', robot],
      ['invites', {}],
    ] as const) {
      expect((await send(gateway, 'POST', `/api/v1/orgs/${org}/${path}`, { cookie }, body)).status).toBe(404);
    }
    // Whatever the token states that makes the key.
    const { token } = await gateway.app
      .get(TokenService, { strict: false })
      .mint({ ...claims, org: { id: org, slug: 'elsewhere', role: 'owner' } });
    const { key: made } = await makeKey(gateway, { authorization: `Bearer ${token}` });
    expect((await gateway.request('/api/v1/me', { headers: { 'x-api-key': made } })).status).toBe(401);
    expectRefused(await fromKey({}, made), 'invalid_request');
    // What it acts for without being told to is held to the same.
    expect(decodeJwt(tokenOf(await fromSession({}, { cookie })))['org']).toMatchObject({ id: home });
    await query.deleteFrom('memberships').where('org_id', '=', home).execute();
    expectRefused(await fromSession({}, { cookie }), 'invalid_request');
  });

  describe('delegation', () => {
    const actAs = (token: string, type: string = types.jwt): Form => ({
      actor_token: token,
      actor_token_type: type,
    });

    it('names who acts, and before them who acted for the actor or on the subject', async () => {
      const [first, second, third] = await Promise.all([1, 2, 3].map(() => gateway.session()));
      if (first === undefined || second === undefined || third === undefined) {
        throw new Error('no sessions');
      }
      const once = tokenOf(await fromSession(actAs(first.token)));
      const named = ({ claims: { sub, sid, jti } }: HeldSession) => ({ sub, sid, jti });
      expect(decodeJwt(once)).toMatchObject({ sub: person.user.id, act: named(first) });
      expect(await statusWith(once)).toBe(200);
      const twice = tokenOf(await fromJwt(once, actAs(second.token, types.access)));
      const both = { ...named(second), act: named(first) };
      expect(decodeJwt(twice)['act']).toEqual(both);
      // Nobody who has acted gets out of it.
      expect(decodeJwt(tokenOf(await fromJwt(twice)))['act']).toEqual(both);
      const acting = tokenOf(
        await exchange(gateway, {
          grant_type,
          subject_token_type: types.jwt,
          subject_token: third.token,
          ...actAs(first.token),
        }),
      );
      expect(decodeJwt(tokenOf(await fromSession(actAs(acting))))['act']).toEqual({
        sub: third.user.id,
        sid: third.claims.sid,
        jti: decodeJwt(acting).jti,
        act: named(first),
      });
    });

    it('ends with the session, the key or the account that acts in it', async () => {
      const [subject, caller, disabled, owner] = await Promise.all([1, 2, 3, 4].map(() => gateway.session()));
      if (subject === undefined || caller === undefined || disabled === undefined || owner === undefined) {
        throw new Error('no sessions');
      }
      const administrator = { cookie: (await administratorAt(gateway)).cookie };
      const as = { cookie: owner.cookie };
      const own = await makeKey(gateway, as);
      const orgs = ['key-is-revoked', 'is-deleted'].map(async (slug) => {
        const path = `/api/v1/orgs/${await plantOrg(gateway, `${slug}-${kind}`, { owner })}`;
        return { path, ...(await makeKey(gateway, as, {}, `${path}/api-keys`)) };
      });
      const [revoked, gone] = await Promise.all(orgs);
      const cases = [
        [actAs(caller.token), 'POST', '/auth/logout', { authorization: caller.bearer }],
        [actAs(own.key, types.key), 'DELETE', `/api/v1/api-keys/${own.id}`, as],
        [actAs(revoked?.key ?? '', types.key), 'DELETE', `${revoked?.path}/api-keys/${revoked?.id}`, as],
        [actAs(gone?.key ?? '', types.key), 'DELETE', gone?.path ?? '', as],
        [actAs(disabled.token), 'POST', `/api/v1/users/${disabled.user.id}/disable`, administrator],
      ] as const;
      for (const [actor, method, path, by] of cases) {
        const token = tokenOf(await fromSession(actor, { cookie: subject.cookie }));
        expect([path, await statusWith(token)]).toEqual([path, 200]);
        expect([path, (await send(gateway, method, path, by)).status < 300]).toEqual([path, true]);
        expect([path, await statusWith(token)]).toEqual([path, 401]);
        expectRefused(await fromJwt(token), 'invalid_request');
      }
      expect(await statusWith(subject.token)).toBe(200);
    });

    it('outlives a change of an actor from before the actor’s token, also where its subject’s is older', async () => {
      const [subject, actor] = [await gateway.session(), await gateway.session()];
      const robot = await makeKey(gateway, { cookie: actor.cookie });
      await gateway.app.get(RevocationService, { strict: false }).invalidate('user', actor.user.id);
      expectRefused(await fromJwt(subject.token, actAs(actor.token)), 'invalid_request');
      expect(await statusWith(tokenOf(await fromJwt(subject.token, actAs(robot.key, types.key))))).toBe(200);
    });

    it('by an API key works as well, within the scope of the subject and the life of both', async () => {
      const expiresAt = new Date(Date.now() + 60_000).toISOString();
      const robot = await makeKey(gateway, { cookie: person.cookie }, { expiresAt, scope: 'app:x' });
      const token = tokenOf(await fromSession(actAs(robot.key, types.key)));
      expect(decodeJwt(token)).toMatchObject({ scope: 'openid api', act: { sub: person.user.id } });
      expect(decodeJwt(token).exp).toBe(Math.floor(Date.parse(expiresAt) / 1000));
    });

    it('is in the trail: who acts, by what, and for whom', async () => {
      const [subject, actor] = [await gateway.session(), await gateway.session()];
      const as = { cookie: subject.cookie };
      const robot = await makeKey(gateway, { cookie: actor.cookie });
      tokenOf(await fromSession({}, as));
      tokenOf(await fromSession(actAs(actor.token), as));
      const token = tokenOf(await fromSession(actAs(robot.key, types.key), as));
      tokenOf(await fromJwt(token));
      expectRefused(await fromSession({ ...actAs(actor.token), scope: 'orgs:raed' }, as), 'invalid_scope');
      await gateway.app.get(AuditService, { strict: false }).flush();
      const { query } = gateway.app.get(Database, { strict: false });
      const members = [
        'actor_id',
        'actor_credential',
        'reason',
        'outcome',
        'org_id',
        'remote_address',
      ] as const;
      const events = await query
        .selectFrom('audit_events')
        .select(members)
        .where('type', '=', 'token_exchanged')
        .where('user_id', '=', subject.user.id)
        .where('session_id', '=', subject.claims.sid)
        .orderBy('id')
        .execute();
      const event = { reason: 'from_session', outcome: 'success', org_id: null, remote_address: '127.0.0.1' };
      expect(events).toEqual([
        { ...event, actor_id: subject.user.id, actor_credential: null },
        { ...event, actor_id: actor.user.id, actor_credential: 'bearer' },
        { ...event, actor_id: actor.user.id, actor_credential: 'api_key' },
        { ...event, actor_id: subject.user.id, actor_credential: null, reason: 'from_jwt' },
      ]);
    });

    it('is refused when the actor is, and after five in a row', async () => {
      const actor = await gateway.session();
      let token = tokenOf(await fromSession());
      for (let count = 0; count < 5; count += 1) {
        token = tokenOf(await fromJwt(token, actAs(actor.token)));
      }
      expectRefused(await fromJwt(token, actAs(actor.token)), 'invalid_request');
      await send(gateway, 'POST', '/auth/logout', { authorization: actor.bearer });
      expectRefused(await fromSession(actAs(actor.token)), 'invalid_request');
    });

    it('makes no keys, which would outlive it and hide who acts', async () => {
      const token = tokenOf(await fromSession(actAs((await gateway.session()).token)));
      const answer = await send(
        gateway,
        'POST',
        '/api/v1/api-keys',
        { authorization: `Bearer ${token}` },
        { name: 'Key', scope: 'api' },
      );
      expect([answer.status, textOf(answer, 'code')]).toEqual([403, 'forbidden']);
    });
  });

  it('what is refused is in the trail, with why', async () => {
    await gateway.app.get(AuditService, { strict: false }).flush();
    const { query } = gateway.app.get(Database, { strict: false });
    await query.deleteFrom('audit_events').execute();
    expectRefused(await fromSession({ org: 'nowhere' }), 'invalid_target');
    await gateway.app.get(AuditService, { strict: false }).flush();
    const all = query.selectFrom('audit_events').selectAll();
    expect(await all.where('type', '=', 'token_exchanged').execute()).toMatchObject([
      {
        outcome: 'failure',
        reason: 'org_not_of_subject',
        remote_address: '127.0.0.1',
      },
    ]);
  });

  it('a disabled owner gets no token, whatever they come with [L19]', async () => {
    const other = await gateway.session();
    const own = await makeKey(gateway, { cookie: other.cookie });
    const token = tokenOf(await fromSession({}, { cookie: other.cookie }));
    const { query } = gateway.app.get(Database, { strict: false });
    await query
      .updateTable('users')
      .set({ disabled_at: Date.now() })
      .where('id', '=', other.user.id)
      .execute();
    expectRefused(await fromKey({}, own.key), 'invalid_request');
    expectRefused(await fromSession({}, { cookie: other.cookie }), 'invalid_request');
    gateway.shiftClock(2);
    await gateway.app.get(RevocationService, { strict: false }).invalidate('user', other.user.id);
    gateway.shiftClock(0);
    expectRefused(await fromJwt(token), 'invalid_request');
  });
});

describe('POST /auth/token with an access token of the provider', () => {
  const accessToken = 'ory_at_of-this-test-alone';
  const robotsToken = { ...personsToken, client_id: 'robot', sub: 'robot', scope: 'openid', ext: null };
  let ory: AnsweringOry;

  beforeAll(async () => {
    ory = await startAnsweringOry({ SERVICE_CLIENTS: 'app=app:x, robot=orgs:read app:x' });
  });

  beforeEach(async () => {
    ory.reset();
    await ory.gateway.app.get(AuditService, { strict: false }).flush();
    await query().deleteFrom('audit_events').execute();
    await query().deleteFrom('sessions').execute();
  });

  afterAll(async () => {
    await ory?.stop();
  });

  const query = (): Database['query'] => ory.gateway.app.get(Database, { strict: false }).query;
  const tableOf = async (table: 'audit_events' | 'sessions' | 'users') => {
    await ory.gateway.app.get(AuditService, { strict: false }).flush();
    return query().selectFrom(table).selectAll().execute();
  };
  const introspected = (token: unknown): void => ory.say('POST /admin/oauth2/introspect', 200, token);
  const ask = (form: Form = {}): Promise<GatewayAnswer> =>
    exchange(ory.gateway, {
      grant_type,
      subject_token_type: types.access,
      subject_token: accessToken,
      ...form,
    });
  const claimsOf = (answer: GatewayAnswer) => decodeJwt(textOf(answer, 'access_token'));
  const seconds = (): number => Math.floor(Date.now() / 1000);

  it('a person’s begins a session of theirs, and both are in the trail', async () => {
    const { sub, sid, client_id } = claimsOf(await ask());
    expect(client_id).toBe('app');
    expect(await tableOf('sessions')).toMatchObject([{ id: sid, user_id: sub, ended_at: null }]);
    const seen = { user_id: sub, session_id: sid, outcome: 'success', remote_address: '127.0.0.1' };
    expect(await tableOf('audit_events')).toMatchObject([
      { user_id: sub, type: 'user_created', reason: 'first_login' },
      { ...seen, type: 'login_succeeded' },
      { ...seen, type: 'token_exchanged', reason: 'from_access_token' },
    ]);
  });

  it('one that is refused is in the trail once, as a login', async () => {
    introspected({ active: false });
    const answer = await ask();
    expect([answer.status, answer.json()]).toMatchObject([400, { error: 'invalid_request' }]);
    expect(await tableOf('audit_events')).toMatchObject([
      {
        type: 'login_failed',
        reason: 'access_token_inactive',
        outcome: 'failure',
        remote_address: '127.0.0.1',
      },
    ]);
  });

  it('a wrong target is refused before anybody is asked about the token', async () => {
    for (const form of [
      { audience: 'https://elsewhere.example' },
      { resource: 'https://elsewhere.example' },
    ]) {
      expect((await ask(form)).json()).toMatchObject({ error: 'invalid_target' });
    }
    expect(ory.asked.filter((line) => line.includes('introspect'))).toEqual([]);
  });

  it('a session that was begun for an exchange that is refused ends with it', async () => {
    for (const form of [{ scope: 'orgs:raed' }, { org: 'nowhere' }]) {
      expect((await ask(form)).status).toBe(400);
    }
    const ended = { ended_at: expect.any(Number), end_reason: 'exchange_refused' };
    expect(await tableOf('sessions')).toMatchObject([ended, ended]);
  });

  it('a service’s is its service account’s, with the scope of the settings and without a session', async () => {
    introspected(robotsToken);
    const answer = await ask();
    const claims = claimsOf(answer);
    const { PUBLIC_URL, TOKEN_AUDIENCE, TOKEN_TTL } = ory.gateway.configuration;
    expect(claims).toMatchObject({
      iss: PUBLIC_URL,
      aud: TOKEN_AUDIENCE,
      sid: claims.sub,
      auth_time: 0,
      amr: ['client_credentials'],
      acr: 'aal1',
      idp: 'ory',
      client_id: 'robot',
      scope: 'orgs:read app:x',
      name: 'robot',
    });
    expect(claims.exp).toBe((claims.iat ?? 0) + TOKEN_TTL);
    expect(Math.abs((claims.iat ?? 0) - seconds())).toBeLessThan(60);
    expect(await tableOf('sessions')).toEqual([]);
    expect(await tableOf('audit_events')).toMatchObject([
      { type: 'token_exchanged', user_id: claims.sub, reason: 'from_access_token' },
    ]);
    const authorization = `Bearer ${textOf(answer, 'access_token')}`;
    const session = await ory.gateway.request('/auth/session', { headers: { authorization } });
    expect(session.status).toBe(200);
    expect(claimsOf(await ask()).sub).toBe(claims.sub);
    const narrow = claimsOf(await ask({ scope: 'app:x' }));
    expect([narrow.sub, narrow['scope']]).toEqual([claims.sub, 'app:x']);
  });

  it('a service’s has of the scope of the settings what its access token was asked for with, also if that is nothing', async () => {
    const scopes: unknown[] = [];
    for (const scope of ['orgs:read orgs:write', 'openid app:x', 'app:former', '']) {
      introspected({ ...robotsToken, scope });
      scopes.push(claimsOf(await ask())['scope']);
    }
    expect(scopes).toEqual(['orgs:read', 'app:x', '', 'orgs:read app:x']);
  });

  it('a service goes on after everything that began before was ended, its older tokens do not', async () => {
    introspected(robotsToken);
    const statusOf = async (answer: GatewayAnswer): Promise<number> => {
      const authorization = `Bearer ${textOf(answer, 'access_token')}`;
      return (await ory.gateway.request('/auth/session', { headers: { authorization } })).status;
    };
    const before = await ask();
    expect(await statusOf(before)).toBe(200);
    const revocations = ory.gateway.app.get(RevocationService, { strict: false });
    const moment = Date.now() + 1;
    await revocations.endEverythingBefore(moment);
    await waitUntil(() => Date.now() >= moment, 'that moment');
    expect([await statusOf(before), await statusOf(await ask())]).toEqual([401, 200]);
  });

  it('a service’s token is outdated by a change while the provider is asked', async () => {
    introspected(robotsToken);
    const { sub } = claimsOf(await ask());
    const strategy = ory.gateway.app.get(AuthStrategy, { strict: false });
    const validate = strategy.validateClient.bind(strategy);
    vi.spyOn(strategy, 'validateClient').mockImplementationOnce(async (...given) => {
      const validated = await validate(...given);
      await ory.gateway.app.get(RevocationService, { strict: false }).invalidate('user', String(sub));
      return validated;
    });
    const authorization = `Bearer ${textOf(await ask(), 'access_token')}`;
    const answer = await ory.gateway.request('/auth/session', { headers: { authorization } });
    expect(answer.status).toBe(401);
  });

  it('a person’s token is outdated by a change while the provider is asked', async () => {
    const { sub } = claimsOf(await ask());
    const strategy = ory.gateway.app.get(AuthStrategy, { strict: false });
    const validate = strategy.validate.bind(strategy);
    vi.spyOn(strategy, 'validate').mockImplementationOnce(async (...given) => {
      const validated = await validate(...given);
      await ory.gateway.app.get(RevocationService, { strict: false }).invalidate('user', String(sub));
      return validated;
    });
    const authorization = `Bearer ${textOf(await ask(), 'access_token')}`;
    const answer = await ory.gateway.request('/auth/session', { headers: { authorization } });
    expect(answer.status).toBe(401);
  });

  it('a service’s token ends no later than its access token', async () => {
    const exp = seconds() + 90;
    introspected({ ...robotsToken, exp });
    expect(claimsOf(await ask()).exp).toBe(exp);
  });

  it('of a client that is no service, or not for us, it is refused', async () => {
    for (const token of [
      { ...robotsToken, client_id: 'stranger', sub: 'stranger' },
      { ...robotsToken, aud: ['https://elsewhere.example.test'] },
      { ...robotsToken, active: false },
    ]) {
      introspected(token);
      expect((await ask()).json()).toMatchObject({ error: 'invalid_request' });
    }
    expect(await tableOf('sessions')).toEqual([]);
  });

  it('a person’s is theirs, although its client is a service as well', async () => {
    expect(claimsOf(await ask())).toMatchObject({ email: 'ada@example.test', scope: 'openid email api' });
  });

  it('a service account that is disabled gets none', async () => {
    introspected(robotsToken);
    const { sub } = claimsOf(await ask());
    const disable = (at: number | null) =>
      query().updateTable('users').set({ disabled_at: at }).where('id', '=', String(sub)).execute();
    await disable(Date.now());
    expect((await ask()).json()).toMatchObject({ error: 'invalid_request' });
    await disable(null);
    expect((await ask()).status).toBe(200);
  });

  it.each(['auth0', 'oidc'] as const)('under %s there are no services to look for', async (provider) => {
    const other = await startGateway(providerEnv[provider]);
    try {
      const form = { grant_type, subject_token_type: types.access, subject_token: accessToken };
      const answer = await exchange(other, form);
      expect([answer.status, answer.json()]).toMatchObject([503, { code: 'provider_unavailable' }]);
    } finally {
      await other.stop();
    }
  });
});

it('POST /auth/token with a database that cannot do what it is asked is 500, with why in the log', async () => {
  const gateway = await startGateway();
  try {
    const { cookie } = await gateway.session();
    const { query } = gateway.app.get(Database, { strict: false });
    await query.schema.alterTable('sessions').renameTo('sessions_away').execute();
    const answer = await exchange(gateway, { grant_type, subject_token_type: types.session }, { cookie });
    expect([answer.status, answer.json()]).toMatchObject([500, { code: 'internal_error' }]);
    expect(gateway.log.some((line) => line.includes('"reason":"exchange_failed"'))).toBe(true);
  } finally {
    await gateway.stop();
  }
});
