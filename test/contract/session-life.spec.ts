import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { AuditService } from '../../src/audit/audit.service.js';
import { Database } from '../../src/database/database.schema.js';
import { type Gateway, startGateway } from '../support/gateway.js';

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
  it('a cookie whose token is over is renewed, and the answer is no-store; the bearer is refused', async () => {
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

  it('a session that was not used for its idle time is over', async () => {
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
