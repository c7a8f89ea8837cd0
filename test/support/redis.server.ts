import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { inject } from 'vitest';
import { findFreePorts } from '../../src/launcher/port-finder.js';
import type { RedisSettings } from '../../src/platform/redis/redis.settings.js';
import { waitUntil } from './stack.js';

/** A Redis server of one test's own, which may be ended and started again. */
export interface RedisServer {
  readonly url: string;
  /** The settings that name it. */
  readonly settings: RedisSettings;
  start(): Promise<void>;
  /** Ends it as a machine that loses its power does. */
  kill(): Promise<void>;
  /** Stops it in its tracks (SIGSTOP), connections and all; `thaw` lets it go on. */
  freeze(): void;
  thaw(): void;
  remove(): Promise<void>;
}

/** Starts a server that keeps nothing on disk. @param program of `inject('redisServerPath')`. */
export async function startRedis(program: string): Promise<RedisServer> {
  const folder = await mkdtemp(join(tmpdir(), 'vestibule-redis-'));
  const [port = 0] = await findFreePorts(1);
  const url = `redis://127.0.0.1:${port}`;
  const server = await startRedisProgram(port, ['--dir', folder], { program });
  return {
    ...server,
    url,
    settings: { REDIS_URL: [url], REDIS_CLUSTER: false },
    remove: async () => {
      await server.kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A program of Redis that listens: a server, a node of a cluster, or a sentinel. */
export interface RedisProgram extends Pick<RedisServer, 'start' | 'kill' | 'freeze' | 'thaw'> {
  readonly port: number;
}

/** What a program may need besides its settings. */
export interface RedisProgramOptions {
  readonly program?: string;
  readonly password?: string;
  /** A file of settings, which the program may write. */
  readonly file?: string;
}

/** Starts a program on this loopback port. @param args settings on top, such as `--replicaof`. */
export async function startRedisProgram(
  port: number,
  args: readonly string[],
  { program = inject('redisServerPath'), password, file }: RedisProgramOptions,
): Promise<RedisProgram> {
  let child: ChildProcess | undefined;
  const start = async (): Promise<void> => {
    const common = ['--port', String(port), '--bind', '127.0.0.1'];
    const unsaved = args.includes('--sentinel') ? [] : ['--save', '', '--appendonly', 'no'];
    const words = [...(file === undefined ? [] : [file]), ...common, ...unsaved, ...args];
    child = spawn(program, words, { stdio: 'ignore' });
    const probe = new Redis({
      port,
      ...(password === undefined ? {} : { password }),
      enableReadyCheck: false,
      retryStrategy: () => 20,
      maxRetriesPerRequest: null,
    });
    probe.on('error', () => undefined);
    try {
      await waitUntil(async () => (await probe.ping()) === 'PONG', 'Redis to answer');
    } finally {
      probe.disconnect();
    }
  };
  const kill = async (): Promise<void> => {
    if (child?.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  };
  try {
    await start();
  } catch (error) {
    await kill();
    throw error;
  }
  return {
    port,
    start,
    kill,
    freeze: () => child?.kill('SIGSTOP'),
    thaw: () => child?.kill('SIGCONT'),
  };
}
