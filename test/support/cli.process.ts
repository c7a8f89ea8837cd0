import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { waitUntil } from './stack.js';

const program = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** How a command ended. */
export interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** A command that runs. */
export interface CliProcess {
  /** The address that it tells the person to open. */
  address(): Promise<string>;
  /** Writes to its standard input. */
  type(text: string): void;
  end(): Promise<Outcome>;
}

/** Starts the built `vestibule` with this environment and nothing else of this process. */
export function startCli(env: Readonly<Record<string, string>>, ...args: readonly string[]): CliProcess {
  const child = spawn(process.execPath, [program, ...args], {
    cwd: tmpdir(),
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (out += String(chunk)));
  child.stderr.on('data', (chunk: Buffer) => (err += String(chunk)));
  const closed = once(child, 'close');
  return {
    address: async () => {
      let found: string | undefined;
      await waitUntil(() => {
        found = /^http\S+\/auth\/cli\?\S+$/m.exec(err)?.[0];
        return found !== undefined || child.exitCode !== null;
      }, 'the address to open');
      return found ?? '';
    },
    type: (text) => void child.stdin.write(text),
    end: async () => {
      await closed;
      return { code: child.exitCode, out, err };
    },
  };
}
