import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { timestampOf } from '../../src/platform/core/identifier.js';
import { type Gateway, startGateway } from '../support/gateway.js';

const subject = '01980000-0000-7000-8000-000000000001';
const kratosSession = {
  id: '01980000-0000-7000-8000-000000000002',
  active: true,
  authenticated_at: '2026-01-01T00:00:00Z',
  identity: { id: subject, state: 'active', traits: { email: 'ada@example.test' } },
};
let gateway: Gateway;

/** Kratos' admin API, as far as a renewal asks it: the session lives. */
const kratos = createServer((_request, answer) => {
  answer.setHeader('content-type', 'application/json').end(JSON.stringify(kratosSession));
});

beforeAll(async () => {
  kratos.listen(0, '127.0.0.1');
  await once(kratos, 'listening');
  const address: AddressInfo | string | null = kratos.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  gateway = await startGateway({
    TOKEN_TTL: '10m',
    SESSION_IDLE_TTL: '30m',
    SESSION_MAX_TTL: '50m',
    KRATOS_ADMIN_URL: `http://127.0.0.1:${port}`,
  });
});

afterAll(async () => {
  await gateway?.stop();
  kratos.closeAllConnections();
  kratos.close();
});

const me = async (headers: Readonly<Record<string, string>>) => gateway.request('/api/v1/me', { headers });
const minutes = (count: number): void => gateway.shiftClock(count * 60);

describe('a session that the provider confirms at each renewal', () => {
  it('a session is over at its absolute limit however much it is used, and every old cookie with it [T20]', async () => {
    const { cookie } = await gateway.session({ subject });
    const cookies = [cookie];
    for (const moment of [11, 22, 33, 44]) {
      minutes(moment);
      const answer = await me({ cookie: cookies.at(-1) ?? '' });
      expect(answer.status).toBe(200);
      cookies.push(answer.cookies[0]?.split(';', 1)[0] ?? '');
    }
    minutes(55);
    const statuses = await Promise.all(cookies.map(async (value) => (await me({ cookie: value })).status));
    expect(statuses).toEqual(cookies.map(() => 401));
  });

  it('says when it ends: after its idle time, or sooner at its limit, beyond which no token of it lives', async () => {
    minutes(0);
    const { cookie, claims } = await gateway.session({ subject });
    const began = timestampOf(claims.sid);
    const answers = [await gateway.request('/auth/session', { headers: { cookie } })];
    for (const moment of [25, 45]) {
      minutes(moment);
      const [renewed = cookie] = answers.at(-1)?.cookies ?? [];
      const headers = { cookie: renewed.split(';', 1)[0] ?? '' };
      answers.push(await gateway.request('/auth/session', { headers }));
    }
    const at = (moment: number): string => new Date(moment).toISOString();
    const ends = [claims.iat * 1000 + 30 * 60_000, began + 50 * 60_000, began + 50 * 60_000];
    expect(answers.map((answer) => answer.json())).toMatchObject(
      ends.map((end) => ({ session: { createdAt: at(began), expiresAt: at(end) } })),
    );
    expect(answers.at(-1)?.json()).toMatchObject({
      claims: { exp: Math.floor(began / 1000) + 50 * 60 },
    });
  });
});
