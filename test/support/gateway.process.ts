import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { findFreePorts } from '../../src/embedded/port.finder.js';
import { readHealth } from './health.js';
import { waitUntil } from './stack.js';

const program = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

/** A gateway as a process of its own, which may be killed. */
export interface GatewayProcess {
  readonly url: string;
  start(): Promise<void>;
  /** Ends it without a chance to do anything about it. */
  kill(): Promise<void>;
  /** Asks it to end. */
  stop(): Promise<void>;
}

/** Starts the built program with this environment and nothing else, on a port of its own. */
export async function startGatewayProcess(env: Readonly<Record<string, string>>): Promise<GatewayProcess> {
  const [port = 0] = await findFreePorts(1);
  const url = `http://localhost:${port}`;
  let child: ChildProcess | undefined;
  const end = async (signal: 'SIGKILL' | 'SIGTERM'): Promise<void> => {
    if (child?.exitCode === null && child.signalCode === null) {
      child.kill(signal);
      await once(child, 'exit');
    }
  };
  const start = async (): Promise<void> => {
    child = spawn(process.execPath, [program], {
      env: { PATH: process.env['PATH'] ?? '', LOG_LEVEL: 'silent', ...env, PORT: String(port) },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    // A start takes seconds of a core, and other tests want it too.
    await waitUntil(
      async () => (await readHealth(url)).status === 'ok',
      'the gateway process to be ready',
      60_000,
    );
  };
  await start();
  return { url, start, kill: () => end('SIGKILL'), stop: () => end('SIGTERM') };
}
