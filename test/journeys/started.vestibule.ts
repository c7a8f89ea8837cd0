import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { Mailbox } from '../support/mailbox.js';
import { waitUntil } from '../support/stack.js';

/** The checkout. */
export const checkout = fileURLToPath(new URL('../..', import.meta.url));

/** Milliseconds that a start may take: one from a changed checkout builds it first, on a machine that is busy with other things. */
export const startLimitMs = 600_000;

/** The part of this process' environment that a person at a new terminal has. */
export function ownEnvironment(): Record<string, string> {
  const kept = ['XDG_CACHE_HOME', 'VESTIBULE_CACHE'].flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value]];
  });
  return { PATH: process.env['PATH'] ?? '', HOME: homedir(), ...Object.fromEntries(kept) };
}

/**
 * The environment of a new shell on the first day: a home without any settings. No package registry is within reach, so that a
 * command which should be installed and isn't fails.
 */
export function newShell(temporary: string): Record<string, string> {
  const home = join(temporary, 'home');
  mkdirSync(home, { recursive: true });
  const own = ownEnvironment();
  return {
    ...own,
    HOME: home,
    XDG_CACHE_HOME: own['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'),
    npm_config_registry: 'http://127.0.0.1:9/',
    npm_config_update_notifier: 'false',
  };
}

/** How it's started. */
export interface Start {
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd: string;
}

/** The program behind `npm start`, in the checkout. */
const launcher: Start = {
  program: process.execPath,
  args: [join(checkout, 'dist', 'launcher', 'main.js')],
  cwd: checkout,
};

/** A program of `npm start` that runs. */
export interface RunningStart {
  readonly url: string;
  readonly mailboxUrl: string;
  readonly mailbox: Mailbox;
  readonly output: () => string;
  stop(): Promise<void>;
}

/** Runs the program behind `npm start`, or the commands of a page, until it prints that it is ready. */
export async function startVestibule(
  env: Readonly<Record<string, string>>,
  { program, args, cwd }: Start = launcher,
): Promise<RunningStart> {
  if (!existsSync(join(checkout, 'dist', 'launcher', 'main.js'))) {
    throw new Error('dist/ is missing: npm run build');
  }
  // In a group of its own, as a terminal has it: Ctrl-C is for all of it.
  const child = spawn(program, args, { env, cwd, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  const [stdout, stderr] = [textOf(child.stdout), textOf(child.stderr)];
  const output = (): string => stdout() + stderr();
  const ended = endOf(child);
  const stop = async (): Promise<void> => {
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
      process.kill(-child.pid, 'SIGINT');
    }
    await ended;
  };
  try {
    await waitUntil(
      () => child.exitCode !== null || /is ready: \S+/.test(output()),
      'the terminal to say that it is ready',
      startLimitMs,
    );
  } catch (error) {
    await stop();
    throw new Error(`it never said that it is ready:\n${output()}`, { cause: error });
  }
  const url = /is ready: (\S+)/.exec(output())?.[1];
  if (url === undefined) {
    throw new Error(`it ended before it was ready:\n${output()}`);
  }
  const mailboxUrl = /Mailbox[^\n]*: (\S+)/.exec(output())?.[1] ?? '';
  return { url, mailboxUrl, mailbox: new Mailbox({ ory: { mailboxUrl } }), output, stop };
}

/** Collects what a stream says. @returns what it has said so far. */
export function textOf(stream: Readable): () => string {
  let text = '';
  stream.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  return () => text;
}

export function endOf(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once('close', () => resolve());
  });
}

/** A page's text with free ports in place of its own. */
export function withPorts(text: string, ports: ReadonlyMap<number, number>): string {
  return text.replaceAll(/(?<=[:=] ?|http\.server .*)\b\d{4}\b/g, (port) =>
    String(ports.get(Number(port)) ?? port),
  );
}
