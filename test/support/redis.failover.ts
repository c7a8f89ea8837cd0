import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { inject } from 'vitest';
import { findFreePorts } from '../../src/launcher/port-finder.js';
import { type RedisProgram, startRedisProgram } from './redis.server.js';
import { waitUntil } from './stack.js';

/** Redis servers of which another one takes over when one fails. */
export interface RedisFailover {
  /** Settings of a gateway. */
  readonly env: Readonly<Record<string, string>>;
  /** The server that a gateway is subscribed at. */
  subscribed(): Promise<RedisProgram>;
  /** Resolves when another server has taken over from this one. */
  replaced(server: RedisProgram): Promise<void>;
  /** Makes the others notice a failure late, so that gateways are led back to the server that failed. A sentinel fails too. */
  hinder(): Promise<void>;
  /** How many connections are subscribed at servers that others accept as theirs. */
  subscriptions(): Promise<number>;
  stop(): Promise<void>;
}

const run = promisify(execFile);
const [password, sentinelPassword] = ['for-redis-only', 'for-sentinels-only'];
/** Milliseconds after which a failure is noticed late. */
const late = '8000';
const secured = ['--requirepass', password, '--masterauth', password];

/** Asks one server, past everything that leads to it. */
async function ask<T>(port: number, question: (redis: Redis) => Promise<T>, auth = password): Promise<T> {
  const redis = new Redis({
    port,
    password: auth,
    retryStrategy: () => null,
    commandTimeout: 1000,
    connectTimeout: 1000,
  });
  redis.on('error', () => undefined);
  try {
    return await question(redis);
  } finally {
    redis.disconnect();
  }
}

/** How many connections are subscribed at a server; none if it doesn't answer. */
async function subscribersAt(port: number): Promise<number> {
  return ask(port, async (redis) => {
    const list = String(await redis.call('client', 'list', 'type', 'pubsub'));
    // Servers that follow others, and sentinels, subscribe as well.
    return list.split('\n').filter((line) => line !== '' && !/ sub=0 |name=sentinel/.test(line)).length;
  }).catch(() => 0);
}

async function atSubscribed(servers: readonly RedisProgram[]): Promise<RedisProgram> {
  const counts = await Promise.all(servers.map(({ port }) => subscribersAt(port)));
  const found = servers[counts.indexOf(Math.max(...counts))];
  if (found === undefined || Math.max(...counts) === 0) {
    throw new Error('no server has a subscription');
  }
  return found;
}

async function folderFor(stop: (() => Promise<unknown>)[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'vestibule-redis-'));
  stop.push(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

type Started = Omit<RedisFailover, 'stop'>;

/** Starts servers, and ends those that have started if another one doesn't. */
async function started(
  start: (stop: (() => Promise<unknown>)[]) => Promise<Started>,
): Promise<RedisFailover> {
  const steps: (() => Promise<unknown>)[] = [];
  const stop = async (): Promise<void> => {
    for (const step of steps.splice(0).toReversed()) {
      await step();
    }
  };
  try {
    return { ...(await start(steps)), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Starts a primary, a replica and three sentinels, each of which wants a password. */
export const startSentinels = (): Promise<RedisFailover> => started(sentinels);

async function sentinels(stop: (() => Promise<unknown>)[]): Promise<Started> {
  const folder = await folderFor(stop);
  const [first = 0, second = 0, ...watching] = await findFreePorts(5);
  const servers = await Promise.all(
    [first, second].map(async (port) => {
      const follows = port === first ? [] : ['--replicaof', `127.0.0.1 ${first}`];
      return startRedisProgram(port, [...secured, ...follows, '--dir', folder], { password });
    }),
  );
  stop.push(...servers.map((server) => () => server.kill()));
  const programs = await Promise.all(
    watching.map(async (port, index) => {
      const file = join(folder, `sentinel-${index}.conf`);
      const settings = [
        `requirepass ${sentinelPassword}`,
        `sentinel sentinel-pass ${sentinelPassword}`,
        `sentinel monitor mymaster 127.0.0.1 ${first} 2`,
        `sentinel auth-pass mymaster ${password}`,
        'sentinel down-after-milliseconds mymaster 1000',
        'sentinel failover-timeout mymaster 5000',
      ];
      await writeFile(file, `${settings.join('\n')}\n`);
      const sentinel = await startRedisProgram(port, ['--sentinel', '--dir', folder], {
        password: sentinelPassword,
        file,
      });
      stop.push(() => sentinel.kill());
      return sentinel;
    }),
  );
  let asked = watching;
  const current = async (): Promise<number> => {
    const addresses = await Promise.all(
      asked.map(async (port) =>
        ask(port, (redis) => redis.call('sentinel', 'get-master-addr-by-name', 'mymaster'), sentinelPassword),
      ),
    );
    const ports = new Set(addresses.map((address) => Number(Reflect.get(Object(address), 1))));
    return ports.size === 1 ? Number([...ports][0]) : 0;
  };
  await waitUntil(async () => {
    const facts = await Promise.all(
      watching.map((port) =>
        ask(port, (redis) => redis.call('sentinel', 'master', 'mymaster'), sentinelPassword),
      ),
    );
    return facts.every((fact) => /num-slaves,1,num-other-sentinels,2/.test(String(fact)));
  }, 'the sentinels to know each other and the replica');
  return {
    env: {
      REDIS_URL: watching
        .map((port, index) => `redis://${index === 0 ? `:${password}@` : ''}127.0.0.1:${port}`)
        .join(','),
      REDIS_SENTINEL_MASTER: 'mymaster',
      REDIS_SENTINEL_PASSWORD: sentinelPassword,
    },
    subscribed: () => atSubscribed(servers),
    replaced: async (server) =>
      waitUntil(
        async () => ![0, server.port].includes(await current()),
        'the sentinels to agree on another primary',
      ),
    hinder: async () => {
      for (const port of watching) {
        const setting = ['mymaster', 'down-after-milliseconds', late];
        await ask(port, (redis) => redis.call('sentinel', 'set', ...setting), sentinelPassword);
      }
      programs[0]?.freeze();
      asked = watching.slice(1);
    },
    subscriptions: async () => subscribersAt(await current()),
  };
}

/** Starts a cluster of three masters with a replica each. */
export const startCluster = (): Promise<RedisFailover> => started(cluster);

async function cluster(stop: (() => Promise<unknown>)[]): Promise<Started> {
  const folder = await folderFor(stop);
  // A node's other nodes reach it 10,000 ports higher by default.
  const ports = await findFreePorts(12);
  const nodes = await Promise.all(
    ports.slice(0, 6).map(async (port, index) => {
      const own = ['--cluster-enabled', 'yes', '--cluster-config-file', join(folder, `nodes-${index}.conf`)];
      const bus = [
        '--cluster-port',
        String(ports[index + 6]),
        '--cluster-node-timeout',
        '1000',
        '--cluster-replica-validity-factor',
        '0',
      ];
      return startRedisProgram(port, [...secured, ...own, ...bus, '--dir', folder], { password });
    }),
  );
  stop.push(...nodes.map((node) => () => node.kill()));
  const addresses = nodes.map(({ port }) => `127.0.0.1:${port}`);
  const words = ['-a', password, '--no-auth-warning', '--cluster', 'create', ...addresses];
  await run(join(dirname(inject('redisServerPath')), 'redis-cli'), [
    ...words,
    '--cluster-replicas',
    '1',
    '--cluster-yes',
  ]);
  const masters = nodes.slice(0, 3);
  const isFollowed = async (port: number): Promise<boolean> =>
    ask(port, async (redis) => /^slave0:.*state=online/m.test(await redis.info('replication')));
  const isWhole = async (port: number): Promise<boolean> =>
    ask(port, async (redis) => String(await redis.cluster('INFO')).includes('cluster_state:ok')).catch(
      () => false,
    );
  await waitUntil(
    async () => (await Promise.all(nodes.map(({ port }) => isWhole(port)))).every(Boolean),
    'the cluster',
  );
  await waitUntil(
    async () => (await Promise.all(masters.map(({ port }) => isFollowed(port)))).every(Boolean),
    'each master to have its replica',
  );
  return {
    env: {
      REDIS_URL: masters
        .map(({ port }, index) => `redis://${index === 0 ? `:${password}@` : ''}127.0.0.1:${port}`)
        .join(','),
      REDIS_CLUSTER: 'true',
    },
    subscribed: () => atSubscribed(masters),
    replaced: async (server) => {
      const other = masters.find((node) => node !== server);
      await waitUntil(async () => {
        const table = await ask(other?.port ?? 0, (redis) => redis.cluster('SLOTS'));
        // The first server of each range is its master.
        return (
          !String(table.map((range) => range[2])).includes(`,${server.port},`) && isWhole(other?.port ?? 0)
        );
      }, 'a replica to take over');
    },
    hinder: async () => {
      for (const { port } of nodes) {
        await ask(port, (redis) => redis.config('SET', 'cluster-node-timeout', late));
      }
    },
    subscriptions: async () =>
      (await Promise.all(nodes.map(({ port }) => subscribersAt(port)))).reduce(
        (sum, count) => sum + count,
        0,
      ),
  };
}
