import { createConnection } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { AbstractConnector, Cluster, ClusterNode, Redis, RedisOptions } from 'ioredis';
import type { RedisSettings } from './redis.settings.js';

// Not a static import: it stays outside of the joined programs, where such imports all move to the top.
const ioredis = await import('ioredis');

/** Milliseconds that a connection may take to close. */
const disconnectTimeout = 2000;

/** Milliseconds that a sentinel may take to name the primary; then the next one is asked. */
const sentinelCommandTimeout = 1000;

/**
 * Opens one connection: to the server, to the primary that the sentinels name, or to one node of a cluster, which changes with each
 * attempt to connect. That is enough for messages: a cluster passes each message on to all of its nodes.
 */
export function openRedis(settings: RedisSettings, options: RedisOptions): Redis {
  const [url = ''] = settings.REDIS_URL;
  if (settings.REDIS_SENTINEL_MASTER !== undefined) {
    const sentinelPassword = settings.REDIS_SENTINEL_PASSWORD;
    return new ioredis.Redis({
      ...loginOf(url),
      db: Number(new URL(url).pathname.slice(1)),
      sentinels: addressesOf(settings, 26_379),
      name: settings.REDIS_SENTINEL_MASTER,
      sentinelCommandTimeout,
      ...(sentinelPassword === undefined ? {} : { sentinelPassword }),
      ...(isTls(url) ? { enableTLSForSentinelMode: true, sentinelTLS: {} } : {}),
      ...options,
    });
  }
  return settings.REDIS_CLUSTER
    ? new ioredis.Redis({ ...loginOf(url), ...options, Connector: anyNodeOf(settings) })
    : new ioredis.Redis(url, options);
}

/** Opens a client for keys. In a cluster, it has a connection to each node. @param options of each connection. */
export function openKeyedRedis(settings: RedisSettings, options: RedisOptions): Redis | Cluster {
  if (!settings.REDIS_CLUSTER) {
    return openRedis(settings, options);
  }
  const { retryStrategy, enableOfflineQueue, ...ofNode } = options;
  const [url = ''] = settings.REDIS_URL;
  return new ioredis.Cluster(addressesOf(settings, 6379), {
    // By their names, which are what a certificate has.
    dnsLookup: (address, done) => done(null, address),
    redisOptions: { ...loginOf(url), ...ofNode },
    enableOfflineQueue: enableOfflineQueue ?? true,
    // As often as a key may move, and a node be replaced, while a command is under way.
    maxRedirections: 3,
    clusterRetryStrategy: (attempt) => retryStrategy?.(attempt),
    clusterNodeRetryStrategy: (attempt) => retryStrategy?.(attempt),
  });
}

/** User, password and TLS, which are the same for every node. */
function loginOf(url: string): Pick<RedisOptions, 'username' | 'password' | 'tls'> {
  const { username, password } = new URL(url);
  return {
    ...(username === '' ? {} : { username: decodeURIComponent(username) }),
    ...(password === '' ? {} : { password: decodeURIComponent(password) }),
    ...(isTls(url) ? { tls: {} } : {}),
  };
}

function isTls(url: string): boolean {
  return url.startsWith('rediss:');
}

function addressesOf(
  { REDIS_URL }: RedisSettings,
  defaultPort: number,
): (ClusterNode & { host: string; port: number })[] {
  return REDIS_URL.map((url) => {
    const { hostname, port } = new URL(url);
    return { host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? defaultPort : Number(port) };
  });
}

/** Makes a connector that takes the nodes in turn, beginning with a random one. */
function anyNodeOf(settings: RedisSettings): new (options: unknown) => AbstractConnector {
  const [url = ''] = settings.REDIS_URL;
  const nodes = addressesOf(settings, 6379);
  let turn = Math.floor(Math.random() * nodes.length);
  return class extends ioredis.AbstractConnector {
    constructor() {
      super(disconnectTimeout);
    }

    override async connect(): ReturnType<AbstractConnector['connect']> {
      this.connecting = true;
      turn += 1;
      const { host = '', port = 0 } = nodes[turn % nodes.length] ?? {};
      this.stream = isTls(url) ? connectTls({ host, port }) : createConnection({ host, port });
      this.stream.once('error', (error: Error) => {
        this.firstError = error;
      });
      return this.stream;
    }
  };
}
