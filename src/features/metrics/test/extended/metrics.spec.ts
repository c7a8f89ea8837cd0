import { afterEach, describe, expect, it } from 'vitest';
import { metricCatalogue } from '../../metric.catalogue.js';
import { makeKey } from '../../../../../test/support/api.caller.js';
import { type Gateway, type GatewayRequest, startGateway } from '../../../../../test/support/gateway.js';
import { type ReadMetrics, increase, readMetrics } from '../../../../../test/support/metrics.reader.js';

const inside = { host: '10.1.2.3:3000' };
const gateways: Gateway[] = [];

async function start(env: Readonly<Record<string, string>> = {}): Promise<Gateway> {
  const gateway = await startGateway({ METRICS: 'on', ...env });
  gateways.push(gateway);
  return gateway;
}

afterEach(async () => {
  await Promise.all(gateways.splice(0).map((gateway) => gateway.stop()));
});

const read = async (gateway: Gateway): Promise<ReadMetrics> =>
  readMetrics((await gateway.request('/metrics', { headers: inside })).text);

/** What counters rose by because of an act; what a scrape itself counts is left out. */
async function counted(
  gateway: Gateway,
  act: () => Promise<unknown>,
): Promise<Readonly<Record<string, number>>> {
  const before = await read(gateway);
  await act();
  const { 'vestibule_http_requests_total{route="probe",status="2xx"}': _scrape, ...rest } = increase(
    before,
    await read(gateway),
  );
  return Object.fromEntries(
    Object.entries(rest).filter(([series]) => !series.includes('verifications_total')),
  );
}

describe('metrics', () => {
  it('are what Prometheus reads, every one of the catalogue and no other of ours', async () => {
    const gateway = await start();
    const answer = await gateway.request('/metrics', { headers: inside });
    expect([answer.status, answer.headers['content-type'], answer.headers['cache-control']]).toEqual([
      200,
      'text/plain; version=0.0.4; charset=utf-8',
      'no-store',
    ]);
    const told = [...answer.text.matchAll(/^# TYPE (vestibule_\w+)/gm)].map(([, name]) => name);
    expect(told.sort()).toEqual(Object.keys(metricCatalogue).sort());
    const series = [...readMetrics(answer.text).keys()];
    const empty = told.filter(
      (name) => !series.some((one) => one.replace(/(?:_bucket)?(?:\{.*)?$/, '') === name),
    );
    expect(empty).toEqual([]);
    expect(answer.text).toContain('nodejs_eventloop_lag_p99_seconds');
    expect(answer.text).toContain('process_resident_memory_bytes');
  });

  it('a refusal counts as one', async () => {
    const gateway = await start();
    expect(await counted(gateway, () => gateway.request('/api/v1/me'))).toEqual({
      'vestibule_http_requests_total{route="api",status="4xx"}': 1,
    });
  });

  it('a login that the provider could not confirm counts as failed', async () => {
    const gateway = await start();
    const body = JSON.stringify({ accessToken: 'an-access-token-of-nobody' });
    const headers = { 'content-type': 'application/json' };
    const login = (): Promise<unknown> => gateway.request('/auth/login', { method: 'POST', headers, body });
    const risen = await counted(gateway, login);
    expect(risen).toMatchObject({
      'vestibule_http_requests_total{route="auth",status="5xx"}': 1,
      'vestibule_logins_total{outcome="failed",provider="ory"}': 1,
    });
    // The set-up at Hydra, which goes on beside it, may have failed meanwhile too.
    expect(risen['vestibule_upstream_failures_total{upstream="hydra"}']).toBeGreaterThan(0);
  });

  it('a limit that was hit counts under its policy', async () => {
    const gateway = await start({ RATE_LIMIT: 'true', RATE_LIMIT_POLICIES: 'credential-address=2/1h' });
    const wrong: GatewayRequest = { headers: { authorization: 'Bearer a.b.c' } };
    const act = async (): Promise<void> => {
      for (let count = 0; count < 5; count += 1) {
        await gateway.request('/api/v1/me', wrong);
      }
    };
    expect(await counted(gateway, act)).toEqual({
      'vestibule_http_requests_total{route="api",status="4xx"}': 5,
      'vestibule_rate_limited_total{policy="credential-address"}': 3,
    });
  });

  it('a renewal, a logout and what is refused after it count as what they are', async () => {
    const gateway = await start({ TOKEN_TTL: '10m' });
    const session = await gateway.session();
    const { cookie } = session;
    gateway.shiftClock(11 * 60);
    // Nobody is there to confirm it: by the grace.
    const renewal = await counted(gateway, () => gateway.request('/auth/session', { headers: { cookie } }));
    expect(renewal).toMatchObject({
      'vestibule_http_requests_total{route="session",status="2xx"}': 1,
      'vestibule_renewals_total{outcome="grace"}': 1,
    });
    expect((await read(gateway)).get('vestibule_session_cookie_bytes_count')).toBe(1);
    gateway.shiftClock(0);
    const other = await gateway.session();
    const logout = await counted(gateway, () =>
      gateway.request('/auth/logout', { method: 'POST', headers: { cookie: other.cookie } }),
    );
    expect(logout).toMatchObject({ 'vestibule_revocations_total{kind="session"}': 1 });
    const refused = await counted(gateway, async () => {
      gateway.shiftClock(11 * 60);
      await gateway.request('/auth/session', { headers: { cookie: other.cookie } });
    });
    expect(refused).toEqual({ 'vestibule_http_requests_total{route="session",status="4xx"}': 1 });
  });

  it('an API key that is revoked counts, and keys in memory are told', async () => {
    const gateway = await start();
    const { cookie } = await gateway.session();
    const { id, key } = await makeKey(gateway, { cookie });
    expect((await gateway.request('/api/v1/me', { headers: { 'x-api-key': key } })).status).toBe(200);
    expect((await read(gateway)).get('vestibule_cache_entries{cache="api_keys"}')).toBe(1);
    const revoke: GatewayRequest = { method: 'DELETE', headers: { cookie } };
    expect(await counted(gateway, () => gateway.request(`/api/v1/api-keys/${id}`, revoke))).toMatchObject({
      'vestibule_http_requests_total{route="api",status="2xx"}': 1,
      'vestibule_revocations_total{kind="api_key"}': 1,
    });
  });

  it('ages, sizes and freshness are told', async () => {
    const gateway = await start({ SIGNING_KEY_ROTATION: '30d' });
    gateway.shiftClock(3600);
    const metrics = await read(gateway);
    expect(metrics.get('vestibule_signing_key_age_seconds')).toBeGreaterThan(3590);
    expect(metrics.get('vestibule_signing_key_age_seconds')).toBeLessThan(3700);
    expect(metrics.get('vestibule_signing_key_rotation_seconds')).toBe(2_592_000);
    const { cookie } = await gateway.session();
    await gateway.request('/auth/logout', { method: 'POST', headers: { cookie } });
    expect((await read(gateway)).get('vestibule_revocations_held')).toBe(1);
  });
});

describe('the number of series', () => {
  it('is the same after 1,000 odd requests', { timeout: 120_000 }, async () => {
    const gateway = await start();
    const { cookie } = await gateway.session();
    const before = await read(gateway);
    const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;
    for (let count = 0; count < 1000; count += 1) {
      const path =
        [
          `/odd-${count}`,
          `/api/v1/users/${count}`,
          `/assets/${count}.css`,
          `/auth/verify/role=${count}/x`,
          `/ory/kratos/${count}`,
          `/api/v1/me?q=${count}`,
          `/%00${count}`,
        ][count % 7] ?? '/';
      await gateway.request(path, {
        method: methods[count % methods.length] ?? 'GET',
        headers: {
          host: count % 5 === 0 ? `host-${count}.example.test` : 'auth.example.test',
          'user-agent': `agent ${count}`,
          'x-forwarded-for': `198.51.100.${count % 250}`,
          origin: 'https://auth.example.test',
          ...(count % 3 === 0 ? { cookie } : { authorization: `Bearer odd.${count}.token` }),
        },
      });
    }
    const after = await read(gateway);
    expect([...after.keys()].filter((series) => series.startsWith('vestibule_'))).toEqual(
      [...before.keys()].filter((series) => series.startsWith('vestibule_')),
    );
    const requests = Object.entries(increase(before, after)).filter(([series]) =>
      /http_requests/.test(series),
    );
    expect(requests.reduce((sum, [, by]) => sum + by, 0)).toBe(1001);
  });
});
