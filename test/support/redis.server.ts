import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { findFreePorts } from '../../src/launcher/port.finder.js';
import { waitUntil } from './stack.js';

/** A Redis server of one test's own, which may be ended and started again. */
export interface RedisServer {
  readonly url: string;
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
  let child: ChildProcess | undefined;
  const start = async (): Promise<void> => {
    const settings = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
    child = spawn(program, [...settings, '--dir', folder], { stdio: 'ignore' });
    const probe = new Redis(url, { retryStrategy: () => 20, maxRetriesPerRequest: null });
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
  await start();
  return {
    url,
    start,
    kill,
    freeze: () => child?.kill('SIGSTOP'),
    thaw: () => child?.kill('SIGCONT'),
    remove: async () => {
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
