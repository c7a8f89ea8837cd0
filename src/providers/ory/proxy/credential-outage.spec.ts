import { expect, it } from 'vitest';
import { CredentialOutage } from './credential-outage.js';

const refused = { statusCode: 401 };

it('in a flood, Ory reads its database once for all who come meanwhile, and is asked again about few, one at a time', async () => {
  const reading: (() => void)[] = [];
  const outage = new CredentialOutage(async () => new Promise<void>((resolve) => reading.push(resolve)));
  let [underWay, most, asked] = [0, 0, 0];
  const isRefused = async (): Promise<boolean> => {
    asked += 1;
    underWay += 1;
    most = Math.max(most, underWay);
    await new Promise((resolve) => setImmediate(resolve));
    underWay -= 1;
    return true;
  };
  const first = outage.settle(refused, isRefused);
  await expect.poll(() => reading.length).toBe(1);
  const flood = Array.from({ length: 100 }, async () => outage.settle(refused, isRefused));
  reading[0]?.();
  await first;
  await expect.poll(() => reading.length).toBe(2);
  reading[1]?.();
  await Promise.all(flood);
  expect([reading.length, most]).toEqual([2, 1]);
  expect(asked).toBeLessThan(20);
});

it('in a flood, no refusal is believed while the database has just been away', async () => {
  let isAway = true;
  const outage = new CredentialOutage(async () => {
    if (isAway) {
      throw new Error('the database is away');
    }
  });
  const settle = async () => outage.settle(refused, async () => true);
  await expect(settle()).rejects.toMatchObject({ code: 'provider_unavailable' });
  isAway = false;
  const outcomes = await Promise.allSettled(Array.from({ length: 100 }, settle));
  const unclear = outcomes.filter(({ status }) => status === 'rejected');
  expect(unclear.length).toBeGreaterThan(0);
  expect(unclear[0]).toMatchObject({
    reason: { code: 'provider_unavailable', headers: { 'retry-after': '2' } },
  });
});

it('what isn’t a refusal is no question', async () => {
  const outage = new CredentialOutage(async () => {
    throw new Error('nobody reads');
  });
  await expect(outage.settle({ statusCode: 200 }, async () => false)).resolves.toBeUndefined();
});
