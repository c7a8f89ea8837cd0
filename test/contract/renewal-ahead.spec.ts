import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Database } from '../../src/platform/database/database.schema.js';
import { ClaimsEnricher } from '../../src/session/tokens/claims-enricher.js';
import { RevocationService } from '../../src/session/revocation/revocation.service.js';
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
/** Tokens that wait for what an application adds to them. */
let adding: (() => void)[] | undefined;

/** An application that has to look up what it adds. */
class SlowEnricher extends ClaimsEnricher {
  override async enrich(): Promise<Readonly<Record<string, unknown>>> {
    const waiting = adding;
    if (waiting !== undefined) {
      await new Promise<void>((resolve) => {
        waiting.push(resolve);
      });
    }
    return {};
  }
}

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
  const env = { TOKEN_TTL: '10m', KRATOS_ADMIN_URL: `http://127.0.0.1:${port}` };
  gateway = await startGateway(env, undefined, { claimsEnricher: SlowEnricher });
});

afterEach(() => {
  gateway.shiftClock(0);
  held?.forEach((give) => give());
  held = undefined;
  adding?.forEach((add) => add());
  adding = undefined;
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
  it('is left alone before its last two fifths, and renewed by the first request in its last one', async () => {
    const { cookie, claims } = await gateway.session({ subject });
    minutes(5.9);
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
    const first = await ask(cookie);
    // On a busy machine the request is answered before the question is there.
    await waitUntil(() => held?.length === 1, 'the question');
    const second = await ask(cookie);
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
    // By the first request, or on a busy machine by the one after.
    await waitUntil(async () => (await ask(cookie)).status === 401, 'the end of the session');
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

describe('a token that is over', () => {
  it('is renewed with one question to the provider', async () => {
    const { cookie } = await gateway.session({ subject });
    minutes(11);
    const before = asked;
    expect((await ask(cookie)).cookies).toHaveLength(1);
    expect(asked - before).toBe(1);
  });

  it('is not renewed when the session is logged out after the provider has answered', async () => {
    const { cookie, claims } = await gateway.session({ subject });
    minutes(11);
    adding = [];
    const count = gateway.log.length;
    const waiting = ask(cookie);
    await waitUntil(() => adding?.length === 1, 'the token to be made');
    await gateway.app.get(RevocationService, { strict: false }).endSessions({ id: claims.sid }, 'logout');
    adding.forEach((add) => add());
    const answer = await waiting;
    expect([answer.status, answer.cookies]).toEqual([401, []]);
    const told = (): boolean =>
      gateway.log.slice(count).some((line) => line.includes('"reason":"session_ended"'));
    await waitUntil(told, 'the reason');
  });

  it('is refused without a question to the provider when another replica has ended the session', async () => {
    const { cookie, claims } = await gateway.session({ subject });
    await gateway.app
      .get(Database, { strict: false })
      .query.updateTable('sessions')
      .set({ ended_at: Date.now(), end_reason: 'logout' })
      .where('id', '=', claims.sid)
      .execute();
    minutes(11);
    const before = asked;
    expect([(await ask(cookie)).status, asked - before]).toEqual([401, 0]);
  });
});

describe('a token that has become stale', () => {
  it('is renewed in a cookie and refused as a bearer; the new one is good', async () => {
    const { cookie, bearer, user } = await gateway.session({ subject });
    minutes(1);
    await gateway.app.get(RevocationService, { strict: false }).invalidate('user', user.id);
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
    await gateway.app.get(RevocationService, { strict: false }).invalidate('user', user.id);
    gateway.shiftClock(9 * 60 + 2);
    const late = await ask(cookie);
    expect(late.status).toBe(200);
    expect(next(late)).not.toBe(next(early));
    expect((await ask(next(late))).cookies).toEqual([]);
  });
});
