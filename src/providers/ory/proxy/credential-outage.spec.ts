import { afterEach, describe, expect, it, vi } from 'vitest';
import { CredentialOutage } from './credential-outage.js';

const here = ['203.0.113.0/24', '203.0.113.9'];
const elsewhere = ['198.51.100.0/24', '198.51.100.7'];
const unclear = { code: 'provider_unavailable', headers: { 'retry-after': '2' } };

/** An answer of Ory's, with the headers that were taken from it. */
const answerOf = (statusCode: number) => {
  const removed: string[] = [];
  return { statusCode, removed, removeHeader: (name: string) => removed.push(name) };
};
const refused = answerOf(401);
const isWrong = async (): Promise<boolean> => true;
const count = async (outcomes: readonly Promise<void>[], status: 'fulfilled' | 'rejected') =>
  (await Promise.allSettled(outcomes)).filter((outcome) => outcome.status === status).length;

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
  const first = outage.settle(refused, here, isRefused);
  await expect.poll(() => reading.length).toBe(1);
  const flood = Array.from({ length: 100 }, async () => outage.settle(refused, here, isRefused));
  reading[0]?.();
  await first;
  await expect.poll(() => reading.length).toBe(2);
  reading[1]?.();
  await Promise.all(flood);
  expect([reading.length, most]).toEqual([2, 1]);
  expect(asked).toBeLessThan(20);
});

describe('beyond the line, a refusal', () => {
  it('isn’t believed if it came within a second after the database couldn’t be read, however late it’s decided', async () => {
    let [isAway, now] = [true, 0];
    const outage = new CredentialOutage(
      async () => {
        if (isAway) {
          throw new Error('the database is away');
        }
        now += 500;
      },
      () => now,
    );
    const settle = async () => outage.settle(refused, here, isWrong);
    const flood = () => Array.from({ length: 100 }, settle);
    await expect(settle()).rejects.toMatchObject(unclear);
    isAway = false;
    now = 900;
    expect(await count(flood(), 'rejected')).toBe(83);
    expect(now).toBe(1400);
    expect(await count(flood(), 'rejected')).toBe(0);
  });

  it('isn’t believed if Ory takes back another one: its database was away, and is back', async () => {
    const outage = new CredentialOutage(async () => undefined);
    let asked = 0;
    const outcomes = Array.from({ length: 100 }, async () =>
      outage.settle(refused, here, async () => {
        asked += 1;
        return asked > 1;
      }),
    );
    expect([await count(outcomes, 'rejected'), asked]).toEqual([84, 17]);
  });

  it('is of those who send most: a user from elsewhere is asked about, whatever wrong tokens came before', async () => {
    const outage = new CredentialOutage(async () => undefined);
    let waits = 0;
    const flood = Array.from({ length: 100 }, async () =>
      outage.settle(refused, here, async () => {
        waits += 1;
        return new Promise((resolve) => setImmediate(() => resolve(true)));
      }),
    );
    const user = outage.settle(refused, elsewhere, async () => false);
    await expect(user).rejects.toMatchObject(unclear);
    expect(waits).toBeLessThan(17);
    await Promise.allSettled(flood);
  });

  it('is 503 if no other question ends in time, and one that waits in line is asked about for two seconds only', async () => {
    vi.useFakeTimers();
    const outage = new CredentialOutage(async () => undefined);
    const answers: ((isRefused: boolean) => void)[] = [];
    const outcomes = Array.from({ length: 40 }, async () =>
      outage.settle(refused, here, async () => new Promise((resolve) => answers.push(resolve))),
    );
    const rejected = count(outcomes.slice(1), 'rejected');
    await vi.advanceTimersByTimeAsync(4000);
    expect([await rejected, answers.length]).toEqual([39, 1]);
    answers[0]?.(true);
    await outcomes[0];
  });

  afterEach(() => {
    vi.useRealTimers();
  });
});

it('an answer that is replaced keeps no challenge; one that is confirmed does', async () => {
  const outage = new CredentialOutage(async () => undefined);
  const [replaced, confirmed] = [answerOf(401), answerOf(401)];
  await expect(outage.settle(replaced, here, async () => false)).rejects.toMatchObject(unclear);
  await outage.settle(confirmed, here, isWrong);
  expect([replaced.removed, confirmed.removed]).toEqual([['www-authenticate'], []]);
});

it('what isn’t a refusal is no question', async () => {
  const outage = new CredentialOutage(async () => {
    throw new Error('nobody reads');
  });
  await expect(outage.settle(answerOf(200), here, async () => false)).resolves.toBeUndefined();
});
