import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { AuditService } from '../../src/directory/audit/audit.service.js';
import { Clock } from '../../src/platform/time/clock.service.js';
import { Database } from '../../src/platform/database/database.schema.js';
import { SessionService } from '../../src/session/session.service.js';
import { GrantUses } from '../../src/session/store/grant-uses.js';
import { ProviderGrants } from '../../src/session/store/provider-grants.js';
import { plantOrg } from '../support/api.caller.js';
import { type Gateway, newIdentity, plainConfiguration, startGateway } from '../support/gateway.js';

let gateway: Gateway;

beforeAll(async () => {
  gateway = await startGateway({ TOKEN_TTL: '10m', SESSION_IDLE_TTL: '30m', SESSION_MAX_TTL: '50m' });
});

afterEach(() => {
  gateway.shiftClock(0);
});

afterAll(async () => {
  await gateway?.stop();
});

const me = async (headers: Readonly<Record<string, string>>) => gateway.request('/api/v1/me', { headers });
const minutes = (count: number): void => gateway.shiftClock(count * 60);

describe('the life of a session', () => {
  it('a cookie whose token is over is renewed, and the answer is no-store; the bearer is refused [T21]', async () => {
    const { cookie, bearer } = await gateway.session();
    minutes(11);
    const renewed = await me({ cookie });
    expect(renewed.status).toBe(200);
    expect(renewed.headers['cache-control']).toBe('no-store');
    expect(renewed.cookies).toHaveLength(1);
    const next = { cookie: renewed.cookies[0]?.split(';', 1)[0] ?? '' };
    expect((await me(next)).cookies).toEqual([]);
    expect((await me({ authorization: bearer })).status).toBe(401);
  });

  it('a session that was not used for its idle time is over [T20]', async () => {
    const { cookie } = await gateway.session();
    minutes(29);
    expect((await me({ cookie })).status).toBe(200);
    const unused = await gateway.session();
    minutes(29 + 31);
    expect((await me({ cookie: unused.cookie })).status).toBe(401);
  });

  it('20 requests at once with a token that is over are one renewal', async () => {
    const { cookie, claims } = await gateway.session();
    minutes(12);
    const { query } = gateway.app.get(Database, { strict: false });
    const answers = await Promise.all(Array.from({ length: 20 }, () => me({ cookie })));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    await gateway.app.get(AuditService, { strict: false }).flush();
    const events = await query
      .selectFrom('audit_events')
      .select('id')
      .where('session_id', '=', claims.sid)
      .where('type', '=', 'renewal_grace')
      .execute();
    expect(events).toHaveLength(1);
  });

  it('no cookie of a session that was logged out brings it back, renewed or not', async () => {
    const { cookie } = await gateway.session();
    minutes(11);
    const renewed = (await me({ cookie })).cookies[0]?.split(';', 1)[0] ?? '';
    await gateway.request('/auth/logout', { method: 'POST', headers: { cookie: renewed } });
    for (const moment of [11, 12, 25]) {
      minutes(moment);
      expect([(await me({ cookie })).status, (await me({ cookie: renewed })).status]).toEqual([401, 401]);
    }
  });

  it('a renewal of a user who was disabled meanwhile is refused', async () => {
    const { cookie, user } = await gateway.session();
    const { query } = gateway.app.get(Database, { strict: false });
    await query.updateTable('users').set({ disabled_at: Date.now() }).where('id', '=', user.id).execute();
    minutes(11);
    expect((await me({ cookie })).status).toBe(401);
  });

  it('what the login was like is in every token of its session', async () => {
    const authTime = Date.now() - 90_500;
    const { cookie, claims } = await gateway.session({}, {}, { amr: ['pwd', 'otp'], acr: 'aal2', authTime });
    const login = { amr: ['pwd', 'otp'], acr: 'aal2', auth_time: Math.floor(authTime / 1000) };
    expect(claims).toMatchObject(login);
    minutes(11);
    const renewed = await gateway.request('/auth/session', { headers: { cookie } });
    expect(renewed.json()).toMatchObject({ claims: login });
    const plain = await gateway.session({ name: null }, {}, { amr: [], acr: 'aal1' });
    expect(plain.claims).toMatchObject({ amr: [], acr: 'aal1' });
    expect(plain.claims).not.toHaveProperty('name');
  });

  it('is live to the last millisecond before each of its limits', async () => {
    const { claims } = await gateway.session();
    const sessions = gateway.app.get(SessionService, { strict: false });
    const clock = gateway.app.get(Clock, { strict: false });
    const { query } = gateway.app.get(Database, { strict: false });
    const began = (await sessions.findLive(claims.sid))?.created_at ?? 0;
    const shifted = clock.now;
    const isLive = async (minute: number, milliseconds: number): Promise<boolean> => {
      clock.now = () => began + minute * 60_000 + milliseconds;
      return (await sessions.findLive(claims.sid)) !== undefined;
    };
    try {
      expect([await isLive(30, -1), await isLive(30, 0)]).toEqual([true, false]);
      const renewedAt = began + 25 * 60_000;
      await query
        .updateTable('sessions')
        .set({ renewed_at: renewedAt })
        .where('id', '=', claims.sid)
        .execute();
      expect([await isLive(50, -1), await isLive(50, 0)]).toEqual([true, false]);
    } finally {
      clock.now = shifted;
    }
  });

  it('acts for the organisation of its user, and for another one as long as it is live', async () => {
    const person = newIdentity();
    const first = await gateway.session(person);
    const [own, other] = [
      await plantOrg(gateway, 'own-org', { owner: first }),
      await plantOrg(gateway, 'other-org', {}),
    ];
    const { claims } = await gateway.session(person);
    const sessions = gateway.app.get(SessionService, { strict: false });
    expect(claims.org?.id).toBe(own);
    expect(await sessions.findLive(claims.sid)).toMatchObject({ org_id: own });
    minutes(31);
    expect(await sessions.chooseOrg(claims.sid, other)).toBeUndefined();
    minutes(0);
    expect(await sessions.findLive(claims.sid)).toMatchObject({ org_id: own });
    expect(await sessions.chooseOrg(claims.sid, other)).toMatchObject({ id: claims.sid, org_id: other });
  });

  it('is found by the name that its provider has for it, until it has ended', async () => {
    const { claims, cookie } = await gateway.session({}, {}, { oidcSid: 'at-the-provider' });
    const sessions = gateway.app.get(SessionService, { strict: false });
    const behind = async (): Promise<string[]> =>
      (await sessions.listBehind('https://provider.example.test', 'at-the-provider')).map(({ id }) => id);
    expect(await behind()).toEqual([claims.sid]);
    await gateway.request('/auth/logout', { method: 'POST', headers: { cookie } });
    expect(await behind()).toEqual([]);
  });

  it('a grant that its provider has refused is used by no other replica, which sees the session end', async () => {
    const { claims } = await gateway.session({}, {}, { provider: 'oidc' });
    const clock = gateway.app.get(Clock, { strict: false });
    const database = gateway.app.get(Database, { strict: false });
    const grants = new ProviderGrants(database, clock, plainConfiguration());
    const uses = new GrantUses(grants, clock);
    await grants.keep(claims.sid, { accessToken: 'of the login', refreshToken: 'of the login' });
    const sealed = (await grants.find(claims.sid))?.sealed ?? '';
    minutes(1);
    const refused = await uses.run(claims.sid, sealed, async () => undefined);
    expect(refused).toEqual({ by: 'this', result: undefined });
    const [other] = await Promise.all([
      uses.run(claims.sid, sealed, async () => 'used again'),
      gateway.app.get(SessionService, { strict: false }).end({ id: claims.sid }, 'provider_session_ended'),
    ]);
    expect(other).toEqual({ by: 'other', isLive: false });
  });

  it('a session id of somebody else in a verified, expired token renews nothing', async () => {
    const { cookie, claims } = await gateway.session();
    const other = await gateway.session();
    const { query } = gateway.app.get(Database, { strict: false });
    await query
      .updateTable('sessions')
      .set({ user_id: other.user.id })
      .where('id', '=', claims.sid)
      .execute();
    minutes(11);
    expect((await me({ cookie })).status).toBe(401);
  });
});
