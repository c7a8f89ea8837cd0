import { afterEach, describe, expect, it } from 'vitest';
import { type Gateway, startGateway } from '../../../../test/support/gateway.js';

const inside = { host: '10.1.2.3:3000' };
const token = 'a-token-of-at-least-thirty-two-characters';
const gateways: Gateway[] = [];

async function start(env: Readonly<Record<string, string>> = {}): Promise<Gateway> {
  const gateway = await startGateway({ METRICS: 'on', ...env });
  gateways.push(gateway);
  return gateway;
}

afterEach(async () => {
  await Promise.all(gateways.splice(0).map((gateway) => gateway.stop()));
});

describe('who may read metrics', () => {
  const status = async (gateway: Gateway, headers: Readonly<Record<string, string>>): Promise<number> =>
    (await gateway.request('/metrics', { headers })).status;

  it('METRICS=off: no caller', async () => {
    const gateway = await start({ METRICS: 'off' });
    expect(await status(gateway, inside)).toBe(404);
    // It's no route: an application may have one of its own there.
    expect((await gateway.request('/metrics', { method: 'POST', headers: inside })).status).toBe(404);
  });

  it('without a token anyone who connects from inside by an inside name; not what came through a proxy', async () => {
    const gateway = await start();
    expect(await status(gateway, inside)).toBe(200);
    expect(await status(gateway, { host: 'gateway:3000' })).toBe(200);
    expect(await status(gateway, { host: 'auth.example.test' })).toBe(404);
    expect(await status(gateway, { host: 'AUTH.example.test:9999' })).toBe(404);
    for (const name of [
      'x-forwarded-for',
      'x-forwarded-proto',
      'x-real-ip',
      'forwarded',
      'via',
      'cf-connecting-ip',
    ]) {
      expect([name, await status(gateway, { ...inside, [name]: '10.0.0.1' })]).toEqual([name, 404]);
    }
  });

  it('without a token no proxy of TRUST_PROXY', async () => {
    expect(await status(await start({ TRUST_PROXY: 'loopback' }), inside)).toBe(404);
  });

  it('with METRICS_TOKEN: callers that send it, from any address, and no others', async () => {
    const gateway = await start({ METRICS_TOKEN: token, TRUST_PROXY: 'loopback' });
    const bearer = { authorization: `Bearer ${token}` };
    expect(await status(gateway, { ...bearer, host: 'auth.example.test' })).toBe(200);
    expect(await status(gateway, { ...bearer, ...inside, 'x-forwarded-for': '198.51.100.1' })).toBe(200);
    for (const authorization of ['', 'Bearer', 'Bearer x', `Basic ${token}`, `Bearer ${token}x`]) {
      expect([authorization, await status(gateway, { ...inside, authorization })]).toEqual([
        authorization,
        401,
      ]);
    }
    expect(gateway.log.join('')).not.toContain(token);
  });

  it('a token alone turns them on', async () => {
    const gateway = await startGateway({ METRICS_TOKEN: token });
    gateways.push(gateway);
    expect(await status(gateway, { authorization: `Bearer ${token}` })).toBe(200);
  });
});
