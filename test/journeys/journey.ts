import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, inject } from 'vitest';
import { findFreePorts } from '../../src/embedded/port.finder.js';
import { BrowserWatch, launchChromium } from '../support/browser.js';
import { Mailbox } from '../support/mailbox.js';
import type { DatabaseKind } from '../support/stack.js';
import { waitUntil } from '../support/stack.js';
import { TestDatabases } from '../support/test.database.js';

/** The checkout. */
export const checkout = fileURLToPath(new URL('../..', import.meta.url));

/** Milliseconds for what a user waits for, on a machine that is busy with other things. */
export const patience = 30_000;

const startLimitMs = 120_000;

export interface JourneyOptions {
  /** What the operator sets before `npm start`. */
  readonly env?: Readonly<Record<string, string>>;
  /** Where the gateway keeps its own data. Default: SQLite. */
  readonly database?: DatabaseKind;
}

/** A Vestibule on a fresh data folder, started as `npm start` does, and what its users have: browsers, mail, the terminal. */
export interface Journey {
  /** What the terminal printed as the address to open. */
  readonly url: string;
  /** All that the terminal printed so far. */
  readonly terminal: () => string;
  /** The folder that holds its data. */
  readonly dataDir: string;
  /** The environment that it was started with. */
  readonly env: Readonly<Record<string, string>>;
  /** Every mail that the deployment sent. */
  readonly mailbox: Mailbox;
  /** The first administrator, as the terminal printed it. */
  readonly administrator: { readonly email: string; readonly password: string };
  /** Opens a browser that nobody used before; nothing is shared with the others. */
  browser(options?: BrowserContextOptions): Promise<Page>;
  /** Stops it with Ctrl-C, and starts it again on the same data with settings on top. */
  restart(env?: Readonly<Record<string, string>>): Promise<void>;
}

/**
 * Brings up one deployment and Chromium for a journey's file. At the end it holds that the security policy blocked nothing
 * on any page and that no other origin was asked for anything.
 */
export function useJourney(options: JourneyOptions = {}): Journey {
  const watches: BrowserWatch[] = [];
  let browser: Browser;
  let dataDir: string;
  let env: Record<string, string>;
  let databases: TestDatabases | undefined;
  let running: RunningStart;
  /** What earlier starts printed. */
  let printed = '';

  beforeAll(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'vestibule-journey-'));
    dataDir = join(folder, 'data');
    const [port] = await findFreePorts(1);
    if (options.database === 'postgres') {
      databases = new TestDatabases(inject('postgresUrl'));
    }
    env = {
      ...ownEnvironment(),
      PORT: String(port),
      DATA_DIR: dataDir,
      ...(databases === undefined ? {} : { DATABASE_URL: await databases.create() }),
      ...options.env,
    };
    [running, browser] = await Promise.all([startVestibule(env), launchChromium(inject('chromiumPath'))]);
  }, startLimitMs);

  afterAll(async () => {
    await browser?.close();
    await running?.stop();
    await databases?.drop();
    await rm(join(dataDir, '..'), { recursive: true, force: true });
    expect(watches.flatMap(({ violations }) => violations)).toEqual([]);
    const foreign = watches.flatMap((watch) => watch.origins()).filter((origin) => origin !== running.url);
    expect(foreign.filter((origin) => origin !== new URL(running.mailboxUrl).origin)).toEqual([]);
  });

  return {
    get url() {
      return running.url;
    },
    terminal: () => printed + running.output(),
    get dataDir() {
      return dataDir;
    },
    get env() {
      return env;
    },
    get mailbox() {
      return running.mailbox;
    },
    get administrator() {
      return administratorIn(printed + running.output());
    },
    browser: async (own = {}) => {
      const context = await browser.newContext(own);
      context.setDefaultTimeout(patience);
      watches.push(new BrowserWatch(context));
      return context.newPage();
    },
    restart: async (more = {}) => {
      await running.stop();
      printed += running.output();
      env = { ...env, ...more };
      running = await startVestibule(env);
    },
  };
}

/** The part of this process' environment that a person at a new terminal has. */
export function ownEnvironment(): Record<string, string> {
  const kept = ['XDG_CACHE_HOME', 'VESTIBULE_CACHE'].flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value]];
  });
  return { PATH: process.env['PATH'] ?? '', HOME: homedir(), ...Object.fromEntries(kept) };
}

/** A program of `npm start` that runs. */
export interface RunningStart {
  readonly url: string;
  readonly mailboxUrl: string;
  readonly mailbox: Mailbox;
  readonly output: () => string;
  stop(): Promise<void>;
}

/** Runs the program behind `npm start` until it prints that it is ready. */
export async function startVestibule(env: Readonly<Record<string, string>>): Promise<RunningStart> {
  const program = join(checkout, 'dist', 'embedded', 'main.js');
  if (!existsSync(program)) {
    throw new Error('dist/ is missing: npm run build');
  }
  const child = spawn(process.execPath, [program], { env, cwd: checkout, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const ended = endOf(child);
  const stop = async (): Promise<void> => {
    child.kill('SIGINT');
    await ended;
  };
  try {
    await waitUntil(
      () => child.exitCode !== null || /is ready: \S+/.test(output),
      'the terminal to say that it is ready',
      startLimitMs,
    );
  } catch (error) {
    await stop();
    throw new Error(`it never said that it is ready:\n${output}`, { cause: error });
  }
  const url = /is ready: (\S+)/.exec(output)?.[1];
  if (url === undefined) {
    throw new Error(`it ended before it was ready:\n${output}`);
  }
  const mailboxUrl = /Mailbox[^\n]*: (\S+)/.exec(output)?.[1] ?? '';
  return { url, mailboxUrl, mailbox: new Mailbox({ ory: { mailboxUrl } }), output: () => output, stop };
}

function endOf(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once('close', () => resolve());
  });
}

function administratorIn(terminal: string): { readonly email: string; readonly password: string } {
  const email = /First administrator: (\S+)/.exec(terminal)?.[1];
  const password = /Password: +(\S+)/.exec(terminal)?.[1];
  if (email === undefined || password === undefined) {
    throw new Error('the terminal shows no first administrator');
  }
  return { email, password };
}
