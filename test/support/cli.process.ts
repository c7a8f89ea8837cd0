import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { waitUntil } from './stack.js';

/** The built `vestibule`. */
export const cliProgram = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

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
  /** The code that it tells the person to enter on another device. */
  userCode(): Promise<string>;
  /** Writes to its standard input. */
  type(text: string): void;
  end(): Promise<Outcome>;
}

/** Starts the built `vestibule` with this environment and nothing else of this process. */
export function startCli(env: Readonly<Record<string, string>>, ...args: readonly string[]): CliProcess {
  const child = spawn(process.execPath, [cliProgram, ...args], {
    cwd: tmpdir(),
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (out += String(chunk)));
  child.stderr.on('data', (chunk: Buffer) => (err += String(chunk)));
  const closed = once(child, 'close');
  const told = async (what: string, form: RegExp): Promise<string> => {
    let found: string | undefined;
    await waitUntil(() => {
      found = form.exec(err)?.[1];
      return found !== undefined || child.exitCode !== null;
    }, what);
    return found ?? '';
  };
  return {
    address: async () => told('the address to open', /^(http\S+\/auth\/cli\?\S+)$/m),
    userCode: async () => told('the code to enter', /enter ([A-Z-]{9})\.$/m),
    type: (text) => void child.stdin.write(text),
    end: async () => {
      await closed;
      return { code: child.exitCode, out, err };
    },
  };
}
