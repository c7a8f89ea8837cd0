import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { tryLock } from '../../scripts/lock.mjs';
import type { Terminal } from '../../scripts/progress.mjs';
import type { Environment } from '../platform/config/configuration.js';
import { type AdminAccount, forgetPassword, knownAdmin, pendingAdmin } from './admin-account.js';
import { isAdminPasswordUsed } from './admin-password.check.js';
import { cacheFolder } from './binary.cache.js';
import { GatewayLog } from './gateway-log.js';
import { LaunchError, messageOf } from './launch.error.js';
import {
  type EmbeddedPlan,
  assertPlanStaysInside,
  gatewayAddress,
  gatewayEnvironment,
  gatewayProbe,
  planEmbedded,
} from './launch-plan.js';
import { type OryStack, startOry } from './ory-stack.js';
import { assertPortIsFree } from './port-finder.js';
import { forgetRunning, noteRunning } from './running-copy.js';
import { loadSecrets } from './secret.store.js';
import { SupervisedChild } from './supervised-child.js';

/** Dependencies of a start. */
export interface LaunchSetting {
  readonly environment: Environment;
  /** The gateway's program. */
  readonly gateway: { readonly command: string; readonly args: readonly string[] };
  readonly progress: Terminal;
}

/** A running Vestibule with Ory and the gateway. */
export interface Launched {
  readonly plan: EmbeddedPlan;
  readonly ory: OryStack;
  readonly gateway: SupervisedChild;
  /** Stops the gateway, which finishes open requests, then Ory, and releases the data folder. */
  stop(): Promise<void>;
}

/** Tells the gateway's program to wait for the end of its standard input before it sets up Ory and listens (src/main.ts). */
const holdFlag = '--hold';
/**
 * How long the gateway may take to be ready, in milliseconds. At a first start, Hydra first makes two RSA keys, which takes a
 * minute on a busy machine.
 */
const readyLimitMs = 180_000;
/** How long the gateway may take to finish open requests, in milliseconds. */
const drainLimitMs = 10_000;

/**
 * Starts Kratos, Hydra, Mailpit and the gateway, and keeps them running. Before any slow or permanent step, it checks the
 * environment, the data folder, the port and the secrets.
 * @throws {LaunchError} if something is missing or doesn't start. Nothing is left running or locked then.
 */
export async function launchEmbedded(setting: LaunchSetting): Promise<Launched> {
  const { environment, progress } = setting;
  const plan = planEmbedded(environment);
  await assertPlanStaysInside(plan);
  const release = lockDataFolder(plan);
  let ory: OryStack | undefined;
  let gateway: SupervisedChild | undefined;
  try {
    await assertPortIsFree(plan.host, plan.port);
    if (plan.mailbox.port !== undefined) {
      await assertPortIsFree(plan.mailbox.host ?? '127.0.0.1', plan.mailbox.port);
    }
    const secrets = await loadSecrets(plan.dataDir);
    const notice = new AdminNotice(plan, progress);
    const gatewayLog = new GatewayLog(plan.logLevel);
    const log = (source: string, line: string) => {
      const text = source === 'gateway' ? gatewayLog.read(line) : line;
      if (text !== undefined) {
        progress.line(`${source.padEnd(7)} | ${text}`);
      }
      if (line.includes('"login_succeeded"')) {
        notice.check().catch((error: unknown) => progress.line(messageOf(error)));
      }
    };
    const admin = await pendingAdmin(plan.dataDir, plan.adminEmail, plan.adminPassword);
    let starting: Promise<void> | undefined;
    let env: Record<string, string> = {};
    // Beside Ory: the gateway loads its code meanwhile, and sets up Ory and listens once it is released.
    const startGateway = async (addresses: OryStack['env']): Promise<void> => {
      await gateway?.stop();
      env = gatewayEnvironment(environment, plan, { secrets: secrets.gateway, ory: addresses, admin });
      gateway = new SupervisedChild(
        {
          ...setting.gateway,
          args: [...setting.gateway.args, holdFlag],
          isHeld: true,
          name: 'gateway',
          env: { ...leanSettings(environment), ...env },
          probe: gatewayProbe(plan),
          startLimitMs: readyLimitMs,
          stopLimitMs: drainLimitMs,
        },
        log,
      );
      starting = gateway.start();
      // Reported below, once Ory is there.
      starting.catch(() => undefined);
    };
    ory = await startOry({
      ...plan,
      gatewayUrl: gatewayAddress(plan),
      brandColor: plan.configuration.BRAND_COLOR,
      environment,
      secrets,
      airGapped: plan.configuration.AIR_GAPPED,
      adminSockets: true,
      onAddresses: startGateway,
      log,
      progress,
    });
    const running = started(gateway);
    running.release();
    await starting;
    await noteRunning(plan.dataDir, env);
    if (admin.password === undefined) {
      await forgetPassword(plan.dataDir, plan.adminEmail);
    }
    // If there already was a first administrator, this account wasn't created, and there is nothing to show.
    const isNew = admin.password !== undefined && (await notice.isUnused());
    // Before the banner, so that all output is there once "ready" is printed. A terminal keeps this notice at the bottom.
    if (isNew) {
      notice.show(admin);
    }
    progress.line(banner(plan.publicUrl, ory.mailboxUrl, performance.now()));
    return {
      plan,
      ory,
      gateway: running,
      stop: () => stopAll(running, ory, () => forget(plan, release)),
    };
  } catch (error) {
    await stopAll(gateway, ory, release);
    throw error;
  }
}

/**
 * Variables of the C library and of Node for a gateway that shares a small machine with Ory (docs/adr/0004-embedded-ory.md, "Start and
 * memory"): its threads share one pool of memory, large blocks are given back when they are freed, and what V8 has compiled is kept
 * beside the programs that are run.
 */
function leanSettings(environment: Environment): Record<string, string> {
  return {
    MALLOC_ARENA_MAX: '1',
    // glibc's own first value in bytes, which otherwise grows with what is freed.
    MALLOC_MMAP_THRESHOLD_: '131072',
    NODE_COMPILE_CACHE: join(cacheFolder(environment, homedir()), 'compiled'),
  };
}

/** @throws {Error} if Ory was started without telling its addresses. */
function started(gateway: SupervisedChild | undefined): SupervisedChild {
  if (gateway === undefined) {
    throw new Error('the gateway was not started');
  }
  return gateway;
}

async function stopAll(
  gateway: SupervisedChild | undefined,
  ory: OryStack | undefined,
  release: () => void | Promise<void>,
): Promise<void> {
  await gateway?.stop();
  await ory?.stop();
  await release();
}

async function forget({ dataDir }: EmbeddedPlan, release: () => void): Promise<void> {
  await forgetRunning(dataDir);
  release();
}

/** Locks the data folder: its SQLite files, secrets and markers belong to one run. @returns a function that unlocks it. */
function lockDataFolder({ dataDir, port }: EmbeddedPlan): () => void {
  let attempt;
  try {
    attempt = tryLock(join(dataDir, 'launcher.lock'));
  } catch (error) {
    throw new LaunchError(
      `The data folder ${dataDir} can't be written (${messageOf(error)}). Make it writable, or set DATA_DIR to another folder.`,
      { cause: error },
    );
  }
  if (attempt.release === undefined) {
    throw new LaunchError(
      [
        `Another copy (process ${attempt.holder.pid} on ${attempt.holder.host}) already runs on the data folder ${dataDir}.`,
        `Stop it (kill ${attempt.holder.pid}), or give this one a folder and a port of its own:`,
        `  DATA_DIR=.data-2 PORT=${port + 1} npm start`,
      ].join('\n'),
    );
  }
  const { release } = attempt;
  // An interrupted start exits without calling the returned function.
  process.once('exit', release);
  return () => {
    process.off('exit', release);
    release();
  };
}

/** Text that is printed once a start has succeeded. @param mailboxUrl the mailbox pages; undefined without Mailpit. */
export function banner(publicUrl: string, mailboxUrl: string | undefined, tookMs: number): string {
  return [
    '',
    `  Vestibule is ready: ${publicUrl}   (after ${(tookMs / 1000).toFixed(1)} s)`,
    ...(mailboxUrl === undefined ? [] : [`  Mailbox, where every mail ends up: ${mailboxUrl}`]),
    '',
    '  Ctrl-C stops it.',
    '',
  ].join('\n');
}

/** Command that shows the password again, with DATA_DIR if that isn't the default. It works in the folder of the start. */
function passwordCommand({ dataDir }: EmbeddedPlan): string {
  const command = 'npx @vestibule-auth/vestibule initial-password';
  const quoted = /^[\w./-]+$/.test(dataDir) ? dataDir : `'${dataDir.replaceAll("'", String.raw`'\''`)}'`;
  return dataDir === resolve('.data') ? command : `DATA_DIR=${quoted} ${command}`;
}

/** Keeps the first administrator's password at the bottom of the terminal until it is used or Enter is pressed. */
class AdminNotice {
  #isPending = false;
  #isLooking = false;
  /** Whether someone has logged in since the current check began. */
  #isDue = false;

  readonly #plan: EmbeddedPlan;

  constructor(
    plan: EmbeddedPlan,
    private readonly terminal: Terminal,
  ) {
    this.#plan = plan;
  }

  show({ email, password }: AdminAccount): void {
    this.#isPending = true;
    this.terminal.pin(
      [
        `  First administrator: ${email}`,
        `  Password:            ${password}`,
        '  Shown until the first login with it. Enter hides it. To see it again:',
        `    ${passwordCommand(this.#plan)}`,
        '',
      ].join('\n'),
    );
    if (process.stdin.isTTY) {
      process.stdin.once('data', () => this.terminal.unpin()).unref();
    }
  }

  /**
   * Removes the notice if the account has logged in. To be called after each login.
   * Only one check runs at a time. However many logins happen meanwhile, one more check follows.
   */
  async check(): Promise<void> {
    if (!this.#isPending || this.#isLooking) {
      this.#isDue = this.#isPending;
      return;
    }
    this.#isLooking = true;
    this.#isDue = false;
    const isUnused = await this.isUnused().finally(() => (this.#isLooking = false));
    if (!isUnused) {
      this.#isPending = false;
      this.terminal.unpin();
    } else if (this.#isDue) {
      await this.check();
    }
  }

  /** Whether the account was created and has never logged in. Otherwise the stored password is deleted. */
  async isUnused(): Promise<boolean> {
    const { dataDir, configuration } = this.#plan;
    const admin = await knownAdmin(dataDir);
    if (admin?.password === undefined) {
      return false;
    }
    if (await isAdminPasswordUsed(configuration.DATABASE_URL, admin.email)) {
      await forgetPassword(dataDir, admin.email);
      return false;
    }
    return true;
  }
}
