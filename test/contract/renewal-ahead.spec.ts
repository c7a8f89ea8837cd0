import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { RevocationService } from '../../src/session/revocation.service.js';
import { type Gateway, type GatewayAnswer, startGateway } from '../support/gateway.js';
import { waitUntil } from '../support/stack.js';

const subject = '01980000-0000-7000-8000-000000000001';
const kratosSession = {
  id: '01980000-0000-7000-8000-000000000002',
  active: true,
  authenticated_at: '2026-01-01T00:00:00Z',
  identity: { id: subject, state: 'active', traits: { email: 'ada@example.test' } },
};
let gateway: Gateway;
/** Answers that wait to be given. */
let held: (() => void)[] | undefined;
let isGone = false;
let asked = 0;

/** Kratos' admin API, as far as a renewal asks it. */
const kratos = createServer((_request, answer) => {
  asked += 1;
  answer.setHeader('content-type', 'application/json');
  const give = (): void => void answer.end(JSON.stringify({ ...kratosSession, active: !isGone }));
  if (held === undefined) {
    give();
  } else {
    held.push(give);
  }
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
  held?.forEach((give) => give());
  held = undefined;
  isGone = false;
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
const expiryOf = (answer: GatewayAnswer): unknown =>
  Reflect.get(Object(Reflect.get(Object(answer.json()), 'claims')), 'exp');

/** The answer that brings the new cookie: the first one, or on a busy machine the one after. */
async function renewed(cookie: string): Promise<GatewayAnswer> {
  let answer = await ask(cookie);
  await waitUntil(async () => {
    answer = answer.cookies.length > 0 ? answer : await ask(cookie);
    return answer.cookies.length > 0;
  }, 'the new cookie');
  return answer;
}

describe('a token near its end', () => {
  it('is left alone before its last fifth, and renewed by the first request in it', async () => {
    const { cookie, claims } = await gateway.session({ subject });
    minutes(7.9);
    expect((await ask(cookie)).cookies).toEqual([]);
    minutes(8.1);
    const answer = await renewed(cookie);
    expect(answer.cookies).toHaveLength(1);
    expect(expiryOf(answer)).toBeGreaterThan(claims.exp);
    expect((await ask(next(answer))).cookies).toEqual([]);
  });

  it('a provider that does not answer delays one request by a moment; the answer serves a later one', async () => {
    const { cookie } = await gateway.session({ subject });
    minutes(9);
    held = [];
    const [first, second] = [await ask(cookie), await ask(cookie)];
    expect([first.status, second.status]).toEqual([200, 200]);
    expect([...first.cookies, ...second.cookies]).toEqual([]);
    expect(held).toHaveLength(1);
    held.forEach((give) => give());
    held = undefined;
    expect((await renewed(cookie)).status).toBe(200);
  });

  it('a session that the provider has ended is over, although the token is not', async () => {
    const { cookie, bearer } = await gateway.session({ subject });
    minutes(9);
    isGone = true;
    expect((await ask(cookie)).status).toBe(401);
    expect((await gateway.request('/auth/session', { headers: { authorization: bearer } })).status).toBe(401);
  });

  it('a logout while the renewal is under way wins', async () => {
    const { cookie, claims } = await gateway.session({ subject });
    minutes(9);
    held = [];
    const before = asked;
    const waiting = ask(cookie);
    await waitUntil(() => asked > before, 'the renewal to be under way');
    await gateway.app.get(RevocationService, { strict: false }).endSessions({ id: claims.sid }, 'logout');
    held.forEach((give) => give());
    const answer = await waiting;
    expect(answer.cookies).toEqual([]);
    expect((await ask(cookie)).status).toBe(401);
  });

  it('a bearer is never renewed', async () => {
    const { bearer } = await gateway.session({ subject });
    minutes(9.5);
    const answer = await gateway.request('/auth/session', { headers: { authorization: bearer } });
    expect([answer.status, answer.cookies]).toEqual([200, []]);
  });
});

describe('a token that has become stale', () => {
  it('is renewed in a cookie and refused as a bearer; the new one is good', async () => {
    const { cookie, bearer, user } = await gateway.session({ subject });
    minutes(1);
    await gateway.app.get(RevocationService, { strict: false }).outdate('user', user.id);
    const answer = await ask(cookie);
    expect([answer.status, answer.cookies.length]).toEqual([200, 1]);
    expect((await gateway.request('/auth/session', { headers: { authorization: bearer } })).status).toBe(401);
    expect((await ask(next(answer))).cookies).toEqual([]);
  });

  it('is not replaced by one that was shared from before it became stale', async () => {
    const { cookie, user } = await gateway.session({ subject });
    minutes(9);
    const early = await renewed(cookie);
    gateway.shiftClock(9 * 60 + 1);
    await gateway.app.get(RevocationService, { strict: false }).outdate('user', user.id);
    gateway.shiftClock(9 * 60 + 2);
    const late = await ask(cookie);
    expect(late.status).toBe(200);
    expect(next(late)).not.toBe(next(early));
    expect((await ask(next(late))).cookies).toEqual([]);
  });
});
