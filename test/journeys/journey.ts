import { spawn } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, inject } from 'vitest';
import { findFreePorts } from '../../src/launcher/port-finder.js';
import { BrowserWatch, closeContexts, sharedChromium } from '../support/browser.js';
import { copyCheckout } from '../support/checkout.copy.js';
import { prepareDeployment } from '../support/deployment.template.js';
import type { Mailbox } from '../support/mailbox.js';
import type { DatabaseKind } from '../support/test.database.js';
import { TestDatabases } from '../support/test.database.js';
import {
  type RunningStart,
  type Start,
  checkout,
  endOf,
  newShell,
  ownEnvironment,
  startLimitMs,
  startVestibule,
  textOf,
  withPorts,
} from './started.vestibule.js';

export { checkout, ownEnvironment } from './started.vestibule.js';

/** Milliseconds for what a user waits for, on a machine that is busy with other things. */
export const timeout = 30_000;

/** Where a deployment keeps its data: journeys in which it matters run on each. */
export interface JourneyOptions {
  /** What the operator sets before `npm start`. */
  readonly env?: Readonly<Record<string, string>>;
  /** Where the gateway keeps its own data. Default: SQLite. */
  readonly database?: DatabaseKind;
  /**
   * Starts it by commands that a page prints, in a new shell in a copy of the checkout, with its data beside it. The ports that
   * the page prints, 3000 first, stand for free ones: the commands, and `printed`, have those. `isFirst` leaves the data to them.
   */
  readonly start?: {
    readonly commands: string;
    readonly ports: readonly [3000, ...number[]];
    readonly isFirst?: true;
  };
}

/** How commands in a shell ended. */
export interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * A Vestibule that nobody has used, started as `npm start` does, and what its users have: browsers, mail, the terminal. First
 * starts are what test/launcher and the README's journey are about.
 */
export interface Journey {
  /** What the terminal printed as the address to open. */
  readonly url: string;
  /** All that the terminal printed so far. */
  readonly terminal: () => string;
  /** The folder that holds its data. */
  readonly dataDir: string;
  /** The environment that it was started with. */
  readonly env: Readonly<Record<string, string>>;
  /** What the terminal printed as the mailbox. */
  readonly mailboxUrl: string;
  /** Every mail that the deployment sent. */
  readonly mailbox: Mailbox;
  /** The first administrator, as the terminal printed it. */
  readonly administrator: { readonly email: string; readonly password: string };
  /** Opens a browser that nobody used before; nothing is shared with the others. */
  browser(options?: BrowserContextOptions): Promise<Page>;
  /** Stops it with Ctrl-C, and starts it again on the same data with settings on top. */
  restart(env?: Readonly<Record<string, string>>): Promise<void>;
  /** The folder that it was started in. */
  readonly folder: string;
  /** What a page prints, with the ports of this start. */
  printed(text: string): string;
  /** Runs commands that a page prints in a new shell, in the folder that it was started in. */
  shell(commands: string, env?: Readonly<Record<string, string>>): Promise<Outcome>;
  /** Starts another copy in a second terminal, in the same folder, by commands that a page prints. */
  startBeside(commands: string): Promise<RunningStart>;
  /** Says that a browser is meant to go to another origin. */
  expectOrigin(origin: string): void;
}

/**
 * Brings up one deployment and Chromium for a journey's file. At the end it holds that the security policy blocked nothing
 * on any page and that no other origin was asked for anything.
 */
export function useJourney(options: JourneyOptions = {}): Journey {
  const watches: BrowserWatch[] = [];
  const expected = new Set<string>();
  let browser: Browser;
  let dataDir: string;
  let env: Record<string, string>;
  let databases: TestDatabases | undefined;
  let running: RunningStart;
  let temporary: string;
  let folder = checkout;
  let start: Start | undefined;
  let ports: ReadonlyMap<number, number>;
  /** What earlier starts printed. */
  let before = '';

  beforeAll(async () => {
    temporary = await mkdtemp(join(tmpdir(), 'vestibule-journey-'));
    const known = options.start?.ports ?? [3000];
    const free = await findFreePorts(known.length);
    ports = new Map(known.map((port, index) => [port, free[index] ?? 0]));
    const port = String(ports.get(3000));
    if (options.database === 'postgres') {
      databases = new TestDatabases(inject('postgresUrl'));
    }
    const settings = {
      ...(databases === undefined ? {} : { DATABASE_URL: await databases.create() }),
      ...options.env,
    };
    if (options.start === undefined) {
      dataDir = join(temporary, 'data');
      env = { ...ownEnvironment(), PORT: port, DATA_DIR: dataDir, ...settings };
    } else {
      folder = join(temporary, 'vestibule');
      copyCheckout(folder);
      dataDir = join(folder, '.data');
      env = { ...newShell(temporary), ...settings };
      appendFileSync(join(folder, '.env'), `PORT=${port}\n`);
      start = { program: 'sh', args: ['-euc', withPorts(options.start.commands, ports)], cwd: folder };
    }
    if (databases === undefined && options.start?.isFirst !== true) {
      await prepareDeployment(dataDir);
    }
    [running, browser] = await Promise.all([
      startVestibule(env, start),
      sharedChromium(inject('chromiumPath')),
    ]);
  }, startLimitMs);

  afterAll(async () => {
    await closeContexts(browser);
    await running?.stop();
    await databases?.drop();
    await rm(temporary, { recursive: true, force: true });
    expect(watches.flatMap(({ violations }) => violations)).toEqual([]);
    const own = new Set([running.url, new URL(running.mailboxUrl).origin, ...expected]);
    const origins = watches.flatMap((watch) => watch.origins());
    expect(origins.filter((origin) => !own.has(origin))).toEqual([]);
  });

  return {
    get url() {
      return running.url;
    },
    terminal: () => before + running.output(),
    get dataDir() {
      return dataDir;
    },
    get env() {
      return env;
    },
    get mailboxUrl() {
      return running.mailboxUrl;
    },
    get mailbox() {
      return running.mailbox;
    },
    get administrator() {
      return administratorIn(before + running.output());
    },
    browser: async (own = {}) => {
      const context = await browser.newContext(own);
      context.setDefaultTimeout(timeout);
      watches.push(new BrowserWatch(context));
      return context.newPage();
    },
    restart: async (more = {}) => {
      await running.stop();
      before += running.output();
      env = { ...env, ...more };
      running = await startVestibule(env, start);
    },
    get folder() {
      return folder;
    },
    printed: (text) => withPorts(text, ports),
    startBeside: (commands) =>
      startVestibule(newShell(temporary), {
        program: 'sh',
        args: ['-euc', withPorts(commands, ports)],
        cwd: folder,
      }),
    expectOrigin: (origin) => void expected.add(origin),
    shell: async (commands, more = {}) => {
      const child = spawn('bash', ['-euo', 'pipefail', '-c', withPorts(commands, ports)], {
        cwd: folder,
        env: { ...newShell(temporary), ...more },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const [stdout, stderr] = [textOf(child.stdout), textOf(child.stderr)];
      await endOf(child);
      return { status: child.exitCode, stdout: stdout(), stderr: stderr() };
    },
  };
}

function administratorIn(terminal: string): { readonly email: string; readonly password: string } {
  const email = /First administrator: (\S+)/.exec(terminal)?.[1];
  const password = /Password: +(\S+)/.exec(terminal)?.[1];
  if (email === undefined || password === undefined) {
    throw new Error('the terminal shows no first administrator');
  }
  return { email, password };
}
