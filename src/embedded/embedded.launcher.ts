import { execFile } from 'node:child_process';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { tryLock } from '../../scripts/lock.mjs';
import type { Terminal } from '../../scripts/progress.mjs';
import { type AdminAccount, forgetPassword, pendingAdmin } from './admin.account.js';
import type { Environment } from './binary.store.js';
import { GatewayLog } from './gateway.log.js';
import { LaunchError, messageOf } from './launch.error.js';
import {
  type EmbeddedPlan,
  assertPlanStaysInside,
  gatewayEnvironment,
  gatewayProbe,
  planEmbedded,
} from './launch.plan.js';
import { type OryStack, startOry } from './ory.stack.js';
import { assertPortIsFree } from './port.finder.js';
import { forgetRunning, noteRunning } from './running.copy.js';
import { loadSecrets } from './secret.store.js';
import { SupervisedChild } from './supervised.child.js';

/** What an embedded run is made from. */
export interface LaunchSetting {
  readonly environment: Environment;
  /** The gateway's program. */
  readonly gateway: { readonly command: string; readonly args: readonly string[] };
  readonly progress: Terminal;
}

/** A whole Vestibule that is running. */
export interface Launched {
  readonly plan: EmbeddedPlan;
  readonly ory: OryStack;
  readonly gateway: SupervisedChild;
  /** Ends the gateway (which answers what it has begun), then Ory, and gives the data folder free. */
  stop(): Promise<void>;
}

const commandLine = fileURLToPath(new URL('../cli/main.js', import.meta.url));

/** How long the gateway may take to be ready. At a first start Hydra makes two RSA keys before it is, on a busy machine in a minute. */
const readyLimitMs = 180_000;
/** How long the gateway may take to answer what it has begun. */
const drainLimitMs = 10_000;

/**
 * Starts Kratos, Hydra, Mailpit and the gateway, and keeps them running. Whatever can be found wrong before something long
 * or lasting is done is found first: the environment, the data folder, the port, the secrets.
 * @throws {LaunchError} when something is missing or doesn't start; nothing is left running or locked then.
 */
export async function launchEmbedded(setting: LaunchSetting): Promise<Launched> {
  const { environment, progress } = setting;
  const began = Date.now();
  const plan = planEmbedded(environment);
  await assertPlanStaysInside(plan);
  const release = lockDataFolder(plan);
  let ory: OryStack | undefined;
  try {
    await assertPortIsFree(plan.host, plan.port);
    const secrets = await loadSecrets(plan.dataDir);
    const notice = new AdminNotice(plan, progress);
    const gatewayLog = new GatewayLog(plan.logLevel);
    const log = (source: string, line: string) => {
      const text = source === 'gateway' ? gatewayLog.read(line) : line;
      if (text !== undefined) {
        progress.line(`${source.padEnd(7)} | ${text}`);
      }
      if (line.includes('"login_succeeded"')) {
        void notice.check();
      }
    };
    ory = await startOry({
      dataDir: plan.dataDir,
      publicUrl: plan.publicUrl,
      brandName: plan.brandName,
      passwordMinLength: plan.passwordMinLength,
      brandColor: plan.configuration.BRAND_COLOR,
      registers: plan.registers,
      environment,
      secrets,
      logLevel: plan.logLevel,
      socialProviders: plan.socialProviders,
      airGapped: plan.configuration.AIR_GAPPED,
      adminSockets: true,
      ...(plan.smtpUrl === undefined ? {} : { smtpUrl: plan.smtpUrl }),
      log,
      progress,
    });
    const admin = await pendingAdmin(plan.dataDir, plan.adminEmail, plan.adminPassword);
    const env = gatewayEnvironment(environment, plan, { secrets: secrets.gateway, ory: ory.env, admin });
    const gateway = new SupervisedChild(
      {
        ...setting.gateway,
        name: 'gateway',
        env,
        probe: gatewayProbe(plan),
        startLimitMs: readyLimitMs,
        stopLimitMs: drainLimitMs,
      },
      log,
    );
    await gateway.start();
    await noteRunning(plan.dataDir, env);
    if (admin.password === undefined) {
      await forgetPassword(plan.dataDir, plan.adminEmail);
    }
    // Where the first administrator was made before, this one was not: there is nothing to show.
    const isNew = admin.password !== undefined && (await notice.isUnused());
    progress.line(banner(plan.publicUrl, ory.mailboxUrl, Date.now() - began));
    if (isNew) {
      notice.show(admin);
    }
    return { plan, ory, gateway, stop: () => stopAll(gateway, ory, () => forget(plan, release)) };
  } catch (error) {
    await stopAll(undefined, ory, release);
    throw error;
  }
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

/** One copy at a time on a data folder: SQLite, secrets and marks in it belong to one run. */
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
  // An interrupted start ends the process without coming back here.
  process.once('exit', release);
  return () => {
    process.off('exit', release);
    release();
  };
}

/** What is printed once a start has succeeded. @param mailboxUrl where mails are shown, if they are. */
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

/** What shows the password again, in the folder of the start: with the data folder, where it isn't the default. */
function passwordCommand({ dataDir }: EmbeddedPlan): string {
  const command = 'npx @vestibule-auth/vestibule initial-password';
  const quoted = /^[\w./-]+$/.test(dataDir) ? dataDir : `'${dataDir.replaceAll("'", String.raw`'\''`)}'`;
  return dataDir === resolve('.data') ? command : `DATA_DIR=${quoted} ${command}`;
}

/** The first administrator's password, which stays last on the screen until it was used or Enter is pressed. */
class AdminNotice {
  readonly #plan: EmbeddedPlan;
  readonly #terminal: Terminal;
  #isPending = false;
  #isLooking = false;
  /** Whether someone logged in since the look began. */
  #isDue = false;

  constructor(plan: EmbeddedPlan, terminal: Terminal) {
    this.#plan = plan;
    this.#terminal = terminal;
  }

  show({ email, password }: AdminAccount): void {
    this.#isPending = true;
    this.#terminal.pin(
      [
        `  First administrator: ${email}`,
        `  Password:            ${password}`,
        `  Shown until the first login with it. Enter hides it; \`${passwordCommand(this.#plan)}\` shows it again.`,
        '',
      ].join('\n'),
    );
    if (process.stdin.isTTY) {
      process.stdin.once('data', () => this.#terminal.unpin()).unref();
    }
  }

  /**
   * Takes it away when the account has logged in; to be called after each login.
   * One look at a time: however many log in meanwhile, one more follows.
   */
  async check(): Promise<void> {
    if (!this.#isPending || this.#isLooking) {
      this.#isDue = this.#isPending;
      return;
    }
    this.#isLooking = true;
    this.#isDue = false;
    const isUnused = await this.isUnused();
    this.#isLooking = false;
    if (!isUnused) {
      this.#isPending = false;
      this.#terminal.unpin();
    } else if (this.#isDue) {
      await this.check();
    }
  }

  /** Whether the account was made and has not logged in. The command looks, and forgets the password otherwise. */
  async isUnused(): Promise<boolean> {
    const env = { ...process.env, DATA_DIR: this.#plan.dataDir };
    return new Promise((done) => {
      execFile(process.execPath, [commandLine, 'initial-password'], { env }, (error) =>
        done(error?.code !== 1),
      );
    });
  }
}
