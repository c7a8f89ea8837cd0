import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeKey } from '../../../../test/support/api.caller.js';
import { type Gateway, startGateway } from '../../../../test/support/gateway.js';
import { type ReadMetrics, increase, readMetrics } from '../../../../test/support/metrics.reader.js';

let gateway: Gateway;

beforeAll(async () => {
  gateway = await startGateway({ METRICS: 'on' });
});

afterAll(async () => {
  await gateway?.stop();
});

const read = async (): Promise<ReadMetrics> =>
  readMetrics((await gateway.request('/metrics', { headers: { host: '10.1.2.3:3000' } })).text);

describe('verifications', () => {
  it('count by credential, by whether memory knew it, and by result', async () => {
    const { cookie, bearer } = await gateway.session();
    const { key } = await makeKey(gateway, { cookie });
    const before = await read();
    const me = async (headers: Readonly<Record<string, string>>): Promise<number> =>
      (await gateway.request('/api/v1/me', { headers })).status;
    // The key was made with this cookie: now it comes for the second time, and is remembered.
    expect(await me({ cookie })).toBe(200);
    expect(await me({ cookie })).toBe(200);
    expect(await me({ cookie })).toBe(200);
    expect(await me({ authorization: bearer })).toBe(200);
    expect(await me({ authorization: bearer })).toBe(200);
    expect(await me({ authorization: bearer })).toBe(200);
    expect(await me({ authorization: 'Bearer a.b.c' })).toBe(401);
    expect(await me({ 'x-api-key': key })).toBe(200);
    expect(await me({ 'x-api-key': `${key}x` })).toBe(401);
    expect(await me({ cookie: `${cookie}x` })).toBe(401);
    expect([await me({}), await me({})]).toEqual([401, 401]);
    const risen = Object.entries(increase(before, await read()));
    const sums = (part: string): number =>
      risen.reduce(
        (sum, [series, by]) => (series.includes(part) && /verifications/.test(series) ? sum + by : sum),
        0,
      );
    expect(sums('credential="cookie",cache="miss",result="ok"')).toBe(1);
    expect(sums('credential="cookie",cache="hit",result="ok"')).toBe(2);
    expect(sums('credential="bearer",cache="miss",result="ok"')).toBe(1);
    expect(sums('credential="bearer",cache="hit",result="ok"')).toBe(2);
    expect([sums('credential="bearer",cache="miss",result="refused"'), sums('result="refused"')]).toEqual([
      1, 3,
    ]);
    expect(sums('credential="cookie",cache="miss",result="refused"')).toBe(1);
    expect([
      sums('credential="api_key",cache="miss",result="refused"'),
      sums('credential="api_key"'),
    ]).toEqual([1, 2]);
  });
});
