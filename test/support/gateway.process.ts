import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { findFreePorts } from '../../src/launcher/port-finder.js';
import { readHealth } from './health.js';
import { waitUntil } from './stack.js';

const builtProgram = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

/** A gateway as a process of its own, which may be killed. */
export interface GatewayProcess {
  readonly url: string;
  start(): Promise<void>;
  /** Id of the process that runs now. */
  pid(): number;
  signal(name: NodeJS.Signals): void;
  /** Resolves when it has ended, to the signal or code that it ended by. */
  ended(): Promise<string>;
  /** Ends it without a chance to do anything about it. */
  kill(): Promise<void>;
  /** Asks it to end. */
  stop(): Promise<void>;
}

/**
 * Starts the built program with this environment and nothing else, on a port of its own.
 * @param within a command that runs another one in its own place, for example in a namespace.
 * @param program another version's.
 */
export async function startGatewayProcess(
  env: Readonly<Record<string, string>>,
  within: readonly string[] = [],
  program = builtProgram,
): Promise<GatewayProcess> {
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
    const [command = process.execPath, ...words] = [...within, process.execPath, program];
    child = spawn(command, words, {
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
  return {
    url,
    start,
    pid: () => child?.pid ?? 0,
    signal: (name) => child?.kill(name),
    ended: async () => {
      if (child !== undefined && child.exitCode === null && child.signalCode === null) {
        await once(child, 'exit');
      }
      return String(child?.signalCode ?? child?.exitCode);
    },
    kill: () => end('SIGKILL'),
    stop: () => end('SIGTERM'),
  };
}
