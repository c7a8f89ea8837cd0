import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { LimitStore } from '../../src/directory/rate-limit/limit.store.js';
import { makeKey } from '../support/api.caller.js';
import { type Gateway, type GatewayAnswer, newSecret, startGateway } from '../support/gateway.js';
import { type RedisServer, startRedis } from '../support/redis.server.js';
import { waitUntil } from '../support/stack.js';
import { timed } from '../support/timed.js';

/** Milliseconds within which an answer must come whatever Redis does. */
const bound = 1500;

let redis: RedisServer;
let probe: Redis;
let replicas: Gateway[];
let lastHost = 0;
let address: string;

beforeAll(async () => {
  redis = await startRedis(inject('redisServerPath'));
  probe = new Redis(redis.url, { retryStrategy: () => 50, maxRetriesPerRequest: null });
  probe.on('error', () => undefined);
  const env = {
    SECRETS: newSecret(),
    REDIS_URL: redis.url,
    RATE_LIMIT: 'true',
    TRUST_PROXY: 'loopback',
    RATE_LIMIT_POLICIES: 'token-address=4/1h,credential-address=4/1h',
  };
  replicas = [await startGateway(env), await startGateway(env)];
  await Promise.all(replicas.map((replica) => untilShared(replica)));
});

afterAll(async () => {
  await Promise.all((replicas ?? []).map((replica) => replica.stop()));
  probe?.disconnect();
  await redis?.remove();
});

beforeEach(() => {
  address = newAddress();
});

function newAddress(): string {
  lastHost += 1;
  return `192.0.2.${lastHost}`;
}

async function ask(replica: Gateway | undefined, from = address): Promise<GatewayAnswer & { ms: number }> {
  const { value: answer, ms } = await timed(async () =>
    replica?.request('/auth/token', {
      method: 'POST',
      headers: { 'x-forwarded-for': from, 'content-type': 'application/x-www-form-urlencoded' },
      body: 'grant_type=nonsense',
    }),
  );
  if (answer === undefined) {
    throw new Error('there is no such replica');
  }
  return { ...answer, ms };
}

/** Waits until this replica's attempts are counted in Redis. */
async function untilShared(replica: Gateway): Promise<void> {
  await waitUntil(async () => {
    const before = await counts();
    await ask(replica, newAddress());
    return (await counts()) > before;
  }, 'a count to reach Redis');
}

async function counts(): Promise<number> {
  return (await probe.keys('vestibule:*:limit:*')).length;
}

/** Commands that Redis has executed for somebody's counts and facts. */
async function commands(): Promise<number> {
  const stats = await probe.info('commandstats');
  return [...stats.matchAll(/^cmdstat_(?:eval|evalsha|get|set|incrby|del|multi):calls=(\d+)/gm)].reduce(
    (sum, [, calls]) => sum + Number(calls),
    0,
  );
}

describe('two replicas on one Redis', () => {
  it('count together', async () => {
    const seen: number[] = [];
    for (let count = 0; count < 6; count += 1) {
      seen.push((await ask(replicas[count % 2])).status);
    }
    expect(seen).toEqual([400, 400, 400, 400, 429, 429]);
  });

  it('many at once on both: as many as the policy says', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, (_, index) => ask(replicas[index % 2])));
    expect(answers.filter(({ status }) => status !== 429)).toHaveLength(4);
  });

  it('keep no address there, and nothing for ever', async () => {
    await ask(replicas[0]);
    const keys = await probe.keys('*');
    expect(keys.length).toBeGreaterThan(0);
    for (const key of keys) {
      expect(key).toMatch(/^vestibule:https:\/\/auth\.example\.test:limit:[a-z-]+:[\w-]{43}$/);
      expect(await probe.ttl(key)).toBeGreaterThan(0);
    }
  });

  it('give nothing back that isn’t counted there', async () => {
    const [replica] = replicas;
    const limiter = replica?.app
      .get(LimitStore, { strict: false })
      .limiter('token-address', { points: 2, window: 60 });
    const key = 'x'.repeat(43);
    await limiter?.reward(key);
    expect(await limiter?.get(key)).toBeNull();
    await limiter?.consume(key);
    await limiter?.reward(key);
    await limiter?.reward(key);
    expect(await limiter?.get(key)).toMatchObject({ consumedPoints: 0, remainingPoints: 2 });
    await limiter?.consume(key);
    await limiter?.consume(key);
    await expect(limiter?.consume(key)).rejects.toMatchObject({ consumedPoints: 3 });
  });

  it('ask Redis nothing for a live session, a bearer or an API key', async () => {
    const [replica] = replicas;
    const session = await replica?.session();
    if (replica === undefined || session === undefined) {
      throw new Error('there is no session');
    }
    const { key } = await makeKey(replica, { cookie: session.cookie });
    const before = await commands();
    await ask(replica);
    const cost = (await commands()) - before;
    expect(cost).toBeGreaterThan(0);
    const start = await commands();
    for (const credential of [
      { cookie: session.cookie },
      { authorization: session.bearer },
      { 'x-api-key': key },
    ]) {
      for (let count = 0; count < 50; count += 1) {
        const { status } = await replica.request('/api/v1/me', {
          headers: { 'x-forwarded-for': address, ...credential },
        });
        expect(status).toBe(200);
      }
    }
    expect((await commands()) - start).toBe(0);
  });

  it('Redis does not answer: each counts by itself, soon, and no request fails', async () => {
    redis.freeze();
    const seen: (GatewayAnswer & { ms: number })[] = [];
    for (let count = 0; count < 5; count += 1) {
      seen.push(await ask(replicas[0]));
    }
    redis.thaw();
    expect(seen.map(({ status }) => status)).toEqual([400, 400, 400, 400, 429]);
    // The first may wait; then none does, until Redis answers again.
    expect(Math.max(...seen.map(({ ms }) => ms))).toBeLessThan(bound);
    expect(seen.filter(({ ms }) => ms >= bound / 2).length).toBeLessThanOrEqual(1);
    await Promise.all(replicas.map((replica) => untilShared(replica)));
  });

  it('Redis is killed in the middle and comes back: never a 500, counted by each meanwhile, then together', async () => {
    await Promise.all(replicas.map((replica) => untilShared(replica)));
    expect((await ask(replicas[0])).status).toBe(400);
    await redis.kill();
    const seen: (GatewayAnswer & { ms: number })[] = [];
    for (let count = 0; count < 10; count += 1) {
      seen.push(await ask(replicas[count % 2]));
    }
    expect(Math.max(...seen.map(({ ms }) => ms))).toBeLessThan(bound);
    expect(seen.map(({ status }) => status)).toEqual([400, 400, 400, 400, 400, 400, 400, 400, 429, 429]);
    await redis.start();
    await Promise.all(replicas.map((replica) => untilShared(replica)));
    address = newAddress();
    const again: number[] = [];
    for (let count = 0; count < 6; count += 1) {
      again.push((await ask(replicas[count % 2])).status);
    }
    expect(again).toEqual([400, 400, 400, 400, 429, 429]);
  });
});

it('a gateway whose Redis was never there starts and counts', async () => {
  const gateway = await startGateway({
    REDIS_URL: 'redis://127.0.0.1:9',
    RATE_LIMIT: 'true',
    TRUST_PROXY: 'loopback',
    RATE_LIMIT_POLICIES: 'token-address=1/1h',
  });
  try {
    expect([(await ask(gateway)).status, (await ask(gateway)).status]).toEqual([400, 429]);
  } finally {
    await gateway.stop();
  }
});
