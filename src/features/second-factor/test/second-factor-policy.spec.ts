import { Controller, Get, Module } from '@nestjs/common';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Database } from '../../../platform/database/database.schema.js';
import { AnyScope, OptionalSession, Public, RequireOrg } from '../../../session/guards/access.decorators.js';
import { promote } from '../../../../test/support/administrator.js';
import {
  type Gateway,
  type GatewayAnswer,
  type HeldSession,
  expectProblem,
  newIdentity,
  startGateway,
} from '../../../../test/support/gateway.js';
import { OrgCaller } from '../../../../test/support/org.caller.js';

@Controller('probe')
class ProbeController {
  @Get('any-scope')
  @AnyScope()
  anyScope(): string {
    return 'ok';
  }

  @Get('optional')
  @OptionalSession()
  optional(): string {
    return 'ok';
  }

  @Get('public')
  @Public()
  public(): string {
    return 'ok';
  }

  @Get('org')
  @RequireOrg()
  org(): string {
    return 'ok';
  }
}

@Module({ controllers: [ProbeController] })
class ProbeModule {}

const pageLoad = { accept: 'text/html', 'sec-fetch-mode': 'navigate', 'sec-fetch-site': 'none' };
const grace = 600;
/** Seconds after which it is over, by the clock of any replica. */
const over = grace + 70;
const strong = { acr: 'aal2', amr: ['pwd', 'otp', 'mfa'] } as const;
const keySchema = z.looseObject({ key: z.string() });
const claimsSchema = z.looseObject({
  claims: z.looseObject({
    exp: z.number(),
    scope: z.string(),
    roles: z.array(z.string()).optional(),
    org: z.looseObject({ id: z.string() }).optional(),
    second_factor: z.looseObject({ due: z.number(), missing: z.array(z.string()).optional() }).optional(),
  }),
});

let gateway: Gateway;

async function start(env: Readonly<Record<string, string>>): Promise<void> {
  gateway = await startGateway({ TRUST_PROXY: 'loopback', SECOND_FACTOR_GRACE: '10m', ...env }, undefined, {
    modules: [ProbeModule],
  });
}

afterEach(() => gateway.shiftClock(0));

async function get(path: string, headers: Readonly<Record<string, string>>): Promise<GatewayAnswer> {
  return gateway.request(path, { headers });
}

async function claimsOf({ cookie }: Pick<HeldSession, 'cookie'>) {
  return claimsSchema.parse((await get('/auth/session', { cookie })).json()).claims;
}

/** Expects to be sent to give a second factor. */
function expectAsked(answer: GatewayAnswer): void {
  expectProblem(answer, 401, 'reauthentication_required');
  expect(answer.json()).toMatchObject({ loginUrl: '/auth/login?acr_values=aal2' });
  expect(answer.headers['www-authenticate']).toContain('acr_values="aal2"');
}

async function makeKey(session: HeldSession, path = '/api/v1/api-keys', more = {}): Promise<string> {
  const answer = await gateway.request(path, {
    method: 'POST',
    headers: { cookie: session.cookie, 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'key', scope: 'api', ...more }),
  });
  expect([answer.status, answer.text]).toEqual([201, expect.any(String)]);
  return keySchema.parse(answer.json()).key;
}

async function exchange(key: string, org?: string): Promise<GatewayAnswer> {
  const form = {
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token: key,
    subject_token_type: 'urn:vestibule:params:oauth:token-type:api_key',
    ...(org === undefined ? {} : { org }),
  };
  return gateway.request('/auth/token', {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(form).toString(),
  });
}

describe('REQUIRE_SECOND_FACTOR=everyone', () => {
  beforeAll(() => start({ REQUIRE_SECOND_FACTOR: 'everyone' }));
  afterAll(() => gateway?.stop());

  it('lets a user without a factor go on for SECOND_FACTOR_GRACE, with tokens that end no later', async () => {
    const session = await gateway.session();
    const { second_factor: demand, exp } = session.claims;
    expect(demand).toEqual({ due: expect.any(Number) });
    expect((demand?.due ?? 0) - session.claims.iat).toBeLessThanOrEqual(grace + 1);
    expect(exp).toBeLessThanOrEqual(demand?.due ?? 0);
    expect((await get('/api/v1/me', { cookie: session.cookie })).status).toBe(200);
    expect((await get('/auth/verify', { cookie: session.cookie })).status).toBe(200);
  });

  it('closes everything after that, to sessions that run as to new ones, by API and forward auth alike [M01]', async () => {
    const session = await gateway.session();
    gateway.shiftClock(over);
    const { cookie } = session;
    for (const path of ['/api/v1/me', '/probe/any-scope', '/probe/optional', '/auth/verify', '/']) {
      expectAsked(await get(path, { cookie }));
    }
    expectAsked(await get('/auth/verify?scope=anything', { cookie }));
    expect((await get('/probe/public', { cookie })).status).toBe(200);
    expect((await get('/auth/session', { cookie })).status).toBe(200);
    expect(await claimsOf({ cookie })).toMatchObject({ scope: '', second_factor: { missing: ['session'] } });
    expectProblem(await get('/api/v1/me', { authorization: session.bearer }), 401, 'unauthenticated');
  });

  it('leads page loads to the second factor, at the gateway and through a proxy', async () => {
    const { cookie } = await gateway.session();
    gateway.shiftClock(over);
    const page = await get('/api/v1/me', { ...pageLoad, cookie });
    expect([page.status, page.headers['location']]).toEqual([
      302,
      '/auth/login?acr_values=aal2&return_to=%2Fapi%2Fv1%2Fme',
    ]);
    const proxied = await get('/auth/verify?redirect=true', {
      ...pageLoad,
      cookie,
      'x-forwarded-uri': '/app/',
      'x-forwarded-for': '203.0.113.9',
      'x-forwarded-proto': 'https',
      host: 'auth.example.test',
      'x-forwarded-method': 'GET',
    });
    expect(proxied.status).toBe(302);
    expect(proxied.headers['location']).toMatch(/\/auth\/login\?acr_values=aal2&return_to=%2Fapp%2F$/);
    // The page that says so, and the way out, are open: no page leads to itself.
    expect((await get('/second-factor', { ...pageLoad, cookie })).text).toContain(
      'A second step is required',
    );
    const out = await gateway.request('/auth/logout', {
      method: 'POST',
      headers: { cookie, origin: gateway.configuration.PUBLIC_URL },
    });
    expect(out.status).toBeLessThan(400);
  });

  it('leaves a user alone who has given one, and shows them no page', async () => {
    const { cookie, claims } = await gateway.session({}, {}, strong);
    expect(claims).not.toHaveProperty('second_factor');
    gateway.shiftClock(over);
    expect((await get('/api/v1/me', { cookie })).status).toBe(200);
    const page = await get('/second-factor?return_to=/docs', { ...pageLoad, cookie });
    expect([page.status, page.headers['location']]).toEqual([302, '/docs']);
  });

  it('is not got around by an API key or an exchange: a key counts as the login that made it [M02]', async () => {
    const session = await gateway.session();
    const [weak, good] = [await makeKey(session), await makeKey(await gateway.session({}, {}, strong))];
    expect((await get('/api/v1/me', { 'x-api-key': weak })).status).toBe(200);
    expect((await exchange(weak)).status).toBe(200);
    gateway.shiftClock(over);
    expectAsked(await get('/api/v1/me', { 'x-api-key': weak }));
    expectAsked(await get('/auth/verify', { 'x-api-key': weak }));
    expect((await exchange(weak)).status).toBe(400);
    expect((await get('/api/v1/me', { 'x-api-key': good })).status).toBe(200);
    expect((await exchange(good)).status).toBe(200);
  });

  it('takes the time to set one up from its first use, once: a new login begins no other', async () => {
    const identity = newIdentity();
    const first = await gateway.session(identity);
    gateway.shiftClock(grace - 60);
    const second = await gateway.session(identity);
    expect(second.claims.second_factor).toEqual(first.claims.second_factor);
    gateway.shiftClock(over);
    expect((await gateway.session(identity)).claims.second_factor).toMatchObject({ missing: ['session'] });
  });
});

describe('REQUIRE_SECOND_FACTOR=admins', () => {
  beforeAll(() => start({ REQUIRE_SECOND_FACTOR: 'admins' }));
  afterAll(() => gateway?.stop());

  it('takes the role, and nothing else, from an administrator without a factor [M03]', async () => {
    const identity = newIdentity();
    const before = await gateway.session(identity);
    expect(before.claims).not.toHaveProperty('second_factor');
    await promote(gateway.app, before.user.id);
    const { cookie, claims } = await gateway.session(identity);
    expect(claims).toMatchObject({ roles: ['admin'], second_factor: { due: expect.any(Number) } });
    expect((await get('/api/v1/users', { cookie })).status).toBe(200);
    gateway.shiftClock(over);
    expect(await claimsOf({ cookie })).not.toHaveProperty('roles');
    expectAsked(await get('/api/v1/users', { cookie }));
    expectAsked(await get('/auth/verify?role=admin', { cookie }));
    expect((await get('/api/v1/me', { cookie })).status).toBe(200);
    expect((await get('/auth/verify', { cookie })).status).toBe(200);
    const { cookie: other } = await gateway.session(identity, {}, strong);
    expect((await get('/api/v1/users', { cookie: other })).status).toBe(200);
    const user = await gateway.session();
    expect(user.claims).not.toHaveProperty('second_factor');
    expectProblem(await get('/auth/verify?role=admin', { cookie: user.cookie }), 403, 'forbidden');
  });
});

describe('an organisation that requires a second factor', () => {
  let orgs: OrgCaller;

  beforeAll(async () => {
    await start({});
    orgs = new OrgCaller(gateway);
  });
  afterAll(() => gateway?.stop());

  const owner = async () => {
    const now = { authTime: Date.now() };
    const identity = newIdentity();
    const weak = await gateway.session(identity, {}, now);
    const org = await orgs.make(weak);
    return { identity, org, weak, session: await gateway.session(identity, {}, { ...strong, ...now }) };
  };
  const require = async (session: HeldSession, id: string, secondFactor = 'everyone') =>
    orgs.call(session, `PATCH /api/v1/orgs/${id}`, { secondFactor });

  it('is required by an owner who has given one: no one shuts themselves out, and no one else decides [M04]', async () => {
    const { org, weak, session } = await owner();
    expectAsked(await require(weak, org.id));
    for (const role of ['member', 'admin'] as const) {
      expectProblem(await require(await orgs.member(org.id, role), org.id), 403, 'forbidden');
    }
    expectProblem(await require(await gateway.session({}, {}, strong), org.id), 404, 'not_found');
    expect((await require(session, org.id)).json()).toMatchObject({ secondFactor: 'everyone' });
    expectProblem(await require(session, org.id, 'sometimes'), 400, 'validation_failed');
    const { query } = gateway.app.get(Database, { strict: false });
    const events = () =>
      query
        .selectFrom('audit_events')
        .select(['reason', 'actor_id'])
        .where('type', '=', 'org_updated')
        .where('org_id', '=', org.id)
        .execute();
    await expect.poll(events).toEqual([{ reason: 'second_factor_everyone', actor_id: session.user.id }]);
  });

  it('takes a recent login to change, so that a script in a page can’t turn it off', async () => {
    const { identity, org, session } = await owner();
    await require(session, org.id);
    const old = await gateway.session(identity, {}, { ...strong, authTime: Date.now() - 16 * 60_000 });
    const refused = await require(old, org.id, 'none');
    expectProblem(refused, 401, 'reauthentication_required');
    expect(refused.json()).toMatchObject({ loginUrl: '/auth/login?max_age=900' });
    expect((await orgs.call(old, `PATCH /api/v1/orgs/${org.id}`, { name: 'Renamed' })).status).toBe(200);
  });

  it('reaches sessions that run, gives time, and then closes the organisation alone, everywhere alike [M05]', async () => {
    const { org, session } = await owner();
    const { cookie } = await gateway.session(newIdentity());
    // A new token, since the membership came after the login.
    const switched = await orgs.call(
      await orgs.member(org.id, 'member'),
      `POST /api/v1/orgs/${org.id}/switch`,
    );
    const member = { cookie: switched.cookies[0]?.split(';', 1)[0] ?? '' };
    await require(session, org.id);
    const before = await claimsOf(member);
    expect(before).toMatchObject({ org: { id: org.id }, second_factor: { due: expect.any(Number) } });
    const open = async () =>
      Promise.all(
        [
          `/api/v1/orgs/${org.id}`,
          `/api/v1/orgs/${org.id}/members`,
          '/probe/org',
          `/auth/verify?org=${org.slug}`,
          '/auth/verify?org_role=member',
        ].map((path) => get(path, { cookie: member.cookie })),
      );
    expect((await open()).map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    gateway.shiftClock(over);
    for (const answer of await open()) {
      expectAsked(answer);
    }
    expectAsked(await orgs.call(member, `POST /api/v1/orgs/${org.id}/switch`));
    expect(await claimsOf(member)).not.toHaveProperty('org');
    expect((await get('/api/v1/me', { cookie: member.cookie })).status).toBe(200);
    const plain = await get('/auth/verify', { cookie: member.cookie });
    expect(plain.status).toBe(200);
    expect(plain.headers).not.toHaveProperty('x-auth-org');
    expectProblem(await get('/auth/verify?org=other', { cookie: member.cookie }), 403, 'forbidden');
    expectProblem(await get(`/api/v1/orgs/${org.id}`, { cookie }), 404, 'not_found');
    expect((await get(`/api/v1/orgs/${org.id}`, { cookie: session.cookie })).status).toBe(200);
    // A policy that is taken back reaches them as fast.
    await require(session, org.id, 'none');
    expect((await open()).map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
  });

  it('of owners and admins alone leaves members out, until they become one', async () => {
    const { org, session } = await owner();
    await require(session, org.id, 'admins');
    const [member, admin] = [await orgs.member(org.id, 'member'), await orgs.member(org.id, 'admin')];
    const read = (who: HeldSession) => get(`/api/v1/orgs/${org.id}`, { cookie: who.cookie });
    expect([(await read(member)).status, (await read(admin)).status]).toEqual([200, 200]);
    gateway.shiftClock(over);
    expect((await read(member)).status).toBe(200);
    expectAsked(await read(admin));
  });

  it('gives no new time for leaving and joining again, nor for a policy that is toggled [M06]', async () => {
    const { org, session } = await owner();
    await require(session, org.id);
    const member = await orgs.member(org.id, 'member');
    const read = () => get(`/api/v1/orgs/${org.id}`, { cookie: member.cookie });
    expect((await read()).status).toBe(200);
    gateway.shiftClock(over);
    expectAsked(await read());
    const left = await orgs.call(member, `DELETE /api/v1/orgs/${org.id}/members/${member.user.id}`);
    expect(left.status).toBe(204);
    const { query } = gateway.app.get(Database, { strict: false });
    await query.deleteFrom('memberships').where('user_id', '=', member.user.id).execute();
    await query
      .insertInto('memberships')
      .values({
        org_id: org.id,
        user_id: member.user.id,
        role: 'member',
        state: 'active',
        created_at: Date.now(),
      })
      .execute();
    expectAsked(await read());
    await require(session, org.id, 'none');
    expect((await read()).status).toBe(200);
    await require(session, org.id);
    expectAsked(await read());
  });

  it('is not got around by keys: of a person, of the organisation, or exchanged for it [M07]', async () => {
    const { org, session } = await owner();
    await require(session, org.id);
    const admin = await orgs.member(org.id, 'admin');
    const path = `/api/v1/orgs/${org.id}/api-keys`;
    const keys = {
      own: await makeKey(admin),
      ofOrg: await makeKey(admin, path, { role: 'member' }),
      good: await makeKey(session, path, { role: 'member' }),
    };
    const read = (key: string) => get(`/api/v1/orgs/${org.id}`, { 'x-api-key': key });
    for (const key of Object.values(keys)) {
      expect((await read(key)).status).toBe(200);
    }
    gateway.shiftClock(over);
    expectAsked(await read(keys.own));
    expectAsked(await read(keys.ofOrg));
    expect((await read(keys.good)).status).toBe(200);
    const refused = await exchange(keys.own, org.slug);
    expect([refused.status, refused.json()]).toMatchObject([400, { error: 'invalid_target' }]);
    expectAsked(await get(`/auth/verify?org=${org.slug}`, { 'x-api-key': keys.ofOrg }));
    expect((await get(`/auth/verify?org=${org.slug}`, { 'x-api-key': keys.good })).status).toBe(200);
  });
});
