import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { plantOrg } from '../../test/support/api.caller.js';
import { type Gateway, type GatewayAnswer, startGateway } from '../../test/support/gateway.js';
import { AuditService } from '../directory/audit/audit.service.js';
import { Database } from '../platform/database/database.schema.js';
import { SessionRenewer } from '../session/session-renewer.js';

const subject = '01980000-0000-7000-8000-000000000001';
const renewalOutcomes = ['confirmed', 'grace', 'refused', 'failed'] as const;
const kratosSession = {
  id: '01980000-0000-7000-8000-000000000002',
  authenticated_at: '2026-01-01T00:00:00Z',
  identity: { id: subject, state: 'active', traits: { email: 'ada@example.test' } },
};
let gateway: Gateway;
let isGone = false;
let isAway = false;
let asked = 0;

/** Kratos' admin API, as far as a renewal calls it. It refuses instead of failing, because failures would open the circuit. */
const kratos = createServer((_request, answer) => {
  asked += 1;
  answer.writeHead(isAway ? 403 : 200, { 'content-type': 'application/json' });
  answer.end(JSON.stringify({ ...kratosSession, active: !isGone }));
});

beforeAll(async () => {
  kratos.listen(0, '127.0.0.1');
  await once(kratos, 'listening');
  const address: AddressInfo | string | null = kratos.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  gateway = await startGateway({ TOKEN_TTL: '10m', KRATOS_ADMIN_URL: `http://127.0.0.1:${port}` });
});

afterEach(() => {
  gateway.shiftClock(0);
  isGone = false;
  isAway = false;
});

afterAll(async () => {
  await gateway?.stop();
  kratos.closeAllConnections();
  kratos.close();
});

const ask = async (cookie: string): Promise<GatewayAnswer> =>
  gateway.request('/auth/session', { headers: { cookie } });
const minutes = (count: number): void => gateway.shiftClock(count * 60);
const next = (answer: GatewayAnswer): string => answer.cookies[0]?.split(';', 1)[0] ?? '';

/** The renewals that an act adds to the counts, by outcome. */
async function counted(act: () => Promise<unknown>): Promise<Readonly<Record<string, number>>> {
  const { outcomes } = gateway.app.get(SessionRenewer, { strict: false });
  const before = { ...outcomes };
  await act();
  return Object.fromEntries(
    renewalOutcomes.flatMap((outcome) => {
      const by = outcomes[outcome] - before[outcome];
      return by === 0 ? [] : [[outcome, by]];
    }),
  );
}

/** The audit events of a session. */
async function eventsOf(sid: string): Promise<readonly object[]> {
  await gateway.app.get(AuditService, { strict: false }).flush();
  return gateway.app
    .get(Database, { strict: false })
    .query.selectFrom('audit_events')
    .select(['type', 'reason', 'user_id'])
    .where('session_id', '=', sid)
    .execute();
}

describe('a token that is over', () => {
  it('is renewed once for all requests of the next five seconds that still carry it', async () => {
    const { cookie } = await gateway.session({ subject });
    minutes(12);
    const before = asked;
    const first = await ask(cookie);
    const second = await ask(cookie);
    expect([first.cookies.length, second.cookies.length, asked - before]).toEqual([1, 1, 1]);
    expect(second.json()).toEqual(first.json());
    gateway.shiftClock(12 * 60 + 6);
    const third = await ask(cookie);
    expect([third.status, asked - before]).toEqual([200, 2]);
    expect(third.json()).not.toEqual(first.json());
  });

  it('is renewed by a request after one that failed, however shortly', async () => {
    const { cookie } = await gateway.session({ subject });
    minutes(70);
    isAway = true;
    expect((await ask(cookie)).status).toBe(503);
    isAway = false;
    expect((await ask(cookie)).status).toBe(200);
  });

  it('counts as what became of its renewal', async () => {
    const [confirmed, refused, failed] = [
      await gateway.session({ subject }),
      await gateway.session({ subject }),
      await gateway.session({ subject }),
    ];
    minutes(70);
    expect(await counted(() => ask(confirmed.cookie))).toEqual({ confirmed: 1 });
    isGone = true;
    expect(await counted(() => ask(refused.cookie))).toEqual({ refused: 1 });
    isAway = true;
    expect(await counted(() => ask(failed.cookie))).toEqual({ failed: 1 });
  });
});

describe('while the provider is away', () => {
  it('a session goes on for an hour after its last confirmed renewal, however often it is used', async () => {
    const { cookie, claims } = await gateway.session({ subject });
    isAway = true;
    minutes(12);
    const early = await ask(cookie);
    expect([early.status, early.cookies.length]).toEqual([200, 1]);
    const grace = { type: 'renewal_grace', reason: 'provider_unreachable', user_id: claims.sub };
    expect(await eventsOf(claims.sid)).toEqual([grace]);
    minutes(59.9);
    const late = await ask(next(early));
    expect(late.status).toBe(200);
    minutes(72);
    const over = await ask(next(late));
    expect([over.status, over.json()]).toMatchObject([503, { code: 'provider_unavailable' }]);
    expect(gateway.log.some((line) => line.includes('"reason":"renewal_grace_over"'))).toBe(true);
    expect(await eventsOf(claims.sid)).toEqual([grace, grace]);
    isAway = false;
    const confirmed = await ask(next(late));
    expect(confirmed.status).toBe(200);
    isAway = true;
    minutes(130);
    expect((await ask(next(confirmed))).status).toBe(200);
  });

  it('a token that is still good serves on after the grace; the provider is asked again every five seconds', async () => {
    const { cookie } = await gateway.session({ subject });
    isAway = true;
    minutes(55);
    const early = next(await ask(cookie));
    minutes(64);
    const before = asked;
    const begun = Date.now();
    // The time that requests take on a busy machine isn't in these seconds.
    const after = (second: number): void =>
      gateway.shiftClock(64 * 60 + second - (Date.now() - begun) / 1000);
    for (const second of [0, 2, 4]) {
      after(second);
      const answer = await ask(early);
      expect([answer.status, answer.cookies]).toEqual([200, []]);
    }
    expect(asked - before).toBe(1);
    after(7);
    expect((await ask(early)).status).toBe(200);
    expect(asked - before).toBe(2);
  });
});

it('a session that the provider has ended ends here, and that is in the trail', async () => {
  const { cookie, claims } = await gateway.session({ subject });
  minutes(12);
  isGone = true;
  expect((await ask(cookie)).status).toBe(401);
  expect(await eventsOf(claims.sid)).toEqual([
    { type: 'session_ended', reason: 'provider_session_ended', user_id: claims.sub },
  ]);
  isGone = false;
  expect((await ask(cookie)).status).toBe(401);
});

it('a switch to another organisation puts off no question to the provider', async () => {
  const held = await gateway.session({ subject });
  const org = await plantOrg(gateway, 'own-org', { owner: held });
  minutes(5);
  const headers = { cookie: held.cookie };
  const switched = await gateway.request(`/api/v1/orgs/${org}/switch`, { method: 'POST', headers });
  expect(switched.status).toBe(200);
  const before = asked;
  minutes(11);
  isGone = true;
  expect((await ask(next(switched))).status).toBe(401);
  expect(asked - before).toBe(1);
});
