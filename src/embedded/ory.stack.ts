import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Progress } from '../../scripts/progress.mjs';
import type { SocialProvider } from '../config/social-providers.parser.js';
import { type Environment, findBinaries } from './binary.store.js';
import { type ChildCommand, describeExit, runChild } from './child.process.js';
import { LaunchError } from './launch.error.js';
import { type MailboxServer, startMailbox } from './mailbox.server.js';
import { MailpitClient } from './mailpit.client.js';
import { OryCleanup } from './ory.cleanup.js';
import {
  type OryPorts,
  type OrySetting,
  adminUrl,
  cleanUps,
  hydraProgram,
  kratosProgram,
  loopback,
  mailpitProgram,
  mailpitSocket,
  migrations,
} from './ory.programs.js';
import { assertOryStaysInside } from './ory.air-gap.js';
import { findFreePorts } from './port.finder.js';
import { openSocketFolder } from './socket.folder.js';
import { type EmbeddedSecrets, loadSecrets } from './secret.store.js';
import { sqliteDsn } from './sqlite.dsn.js';
import { ChildStartError, type LogLine, SupervisedChild } from './supervised.child.js';

/** How to start Ory. */
export interface OryOptions {
  /** Databases go to `<dataDir>/ory`, secrets to `<dataDir>/secrets`. */
  readonly dataDir: string;
  /** Origin that browsers see. */
  readonly publicUrl: string;
  /** The product's name, as whose mail Kratos' is sent. Default Vestibule. */
  readonly brandName?: string;
  /** Characters of a new password, at least. Default that of docker/kratos/kratos.env. */
  readonly passwordMinLength?: number | undefined;
  /** `#rrggbb`, for mails. */
  readonly brandColor?: string | undefined;
  /** Whether Kratos registers anyone. Default true. */
  readonly registers?: boolean;
  /** Where binaries are looked for: KRATOS_BIN, HYDRA_BIN, MAILPIT_BIN, VESTIBULE_CACHE, PATH, …; and SMTP_FROM. */
  readonly environment: Environment;
  /** Default: those of the data folder, made the first time. */
  readonly secrets?: EmbeddedSecrets;
  /** Default: SQLite in the data folder. */
  readonly dsn?: { readonly kratos: string; readonly hydra: string };
  /** A mail server for Kratos; Mailpit isn't started then. */
  readonly smtpUrl?: string;
  /** Whether Mailpit is started when there is no `smtpUrl`; without either, mail stays in Kratos' queue. Default true. */
  readonly mail?: boolean;
  /** Third-party logins; none when left out. */
  readonly socialProviders?: readonly SocialProvider[];
  /** Whether settings that would leave the private network are refused. Default false. */
  readonly airGapped?: boolean;
  /** Whether the admin APIs listen on Unix sockets, which no other user and no web page reaches, and on no port. Default false. */
  readonly adminSockets?: boolean;
  /** A pino level, default `info`: Ory itself logs warnings and errors then. */
  readonly logLevel?: string;
  readonly log: LogLine;
  readonly progress: Progress;
}

/** Kratos, Hydra and, unless left out, Mailpit: running, and kept running until they are stopped. */
export interface OryStack {
  /** KRATOS_PUBLIC_URL, KRATOS_ADMIN_URL, HYDRA_PUBLIC_URL, HYDRA_ADMIN_URL and SMTP_URL for the gateway. */
  readonly env: Readonly<Record<string, string>>;
  /** The mailbox' pages and Mailpit's API; undefined without Mailpit. */
  readonly mailboxUrl: string | undefined;
  readonly children: {
    readonly kratos: SupervisedChild;
    readonly hydra: SupervisedChild;
    readonly mailpit: SupervisedChild | undefined;
  };
  /** Removes what has expired from their databases, from time to time. */
  readonly cleanup: OryCleanup;
  /** Ends all of them, by force after 5 seconds. */
  stop(): Promise<void>;
}

const portAttempts = 3;
/** For a look at the settings before anything is started. */
const noPorts = { kratosPublic: 0, kratosAdmin: 0, hydraPublic: 0, hydraAdmin: 0, smtp: 0, mailbox: 0 };

/**
 * Gets the binaries, brings the databases up to date, and starts Ory on free loopback ports; resolves when all are ready.
 * @throws {LaunchError} when one can't be had or doesn't start; nothing is left running then.
 */
export async function startOry(options: OryOptions): Promise<OryStack> {
  const { environment, progress } = options;
  const withMailpit = options.smtpUrl === undefined && options.mail !== false;
  const binaries = await findBinaries(
    withMailpit ? ['kratos', 'hydra', 'mailpit'] : ['kratos', 'hydra'],
    environment,
    progress,
  );
  const folder = join(resolve(options.dataDir), 'ory');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const base = {
    publicUrl: options.publicUrl,
    brandName: options.brandName,
    passwordMinLength: options.passwordMinLength,
    brandColor: options.brandColor,
    registers: options.registers ?? true,
    binaries,
    secrets: options.secrets ?? (await loadSecrets(resolve(options.dataDir))),
    dsn: options.dsn ?? {
      kratos: sqliteDsn(join(folder, 'kratos.sqlite')),
      hydra: sqliteDsn(join(folder, 'hydra.sqlite')),
    },
    folder,
    smtpUrl: options.smtpUrl ?? `smtp://${loopback}:25/?disable_starttls=true`,
    socialProviders: options.socialProviders ?? [],
    logLevel: options.logLevel ?? 'info',
    environment,
  };
  if (options.airGapped === true) {
    const [kratos, hydra] = await Promise.all([kratosProgram(base, noPorts), hydraProgram(base, noPorts)]);
    await assertOryStaysInside({ kratos, hydra }, options.publicUrl);
  }
  const step = progress.step('starting Kratos and Hydra');
  const sockets = options.adminSockets === true || withMailpit ? await openSocketFolder(folder) : undefined;
  const adminSockets =
    options.adminSockets === true && sockets !== undefined ? { sockets: sockets.path } : {};
  try {
    const { kratos, hydra } = await migrations(base);
    await Promise.all([migrate('Kratos', kratos), migrate('Hydra', hydra)]);
    for (let attempt = 1; ; attempt += 1) {
      const ports = { ...(await findPorts()), ...adminSockets };
      const smtpUrl = withMailpit ? `smtp://${loopback}:${ports.smtp}/?disable_starttls=true` : base.smtpUrl;
      try {
        const mailSocket = withMailpit && sockets !== undefined ? mailpitSocket(sockets.path) : undefined;
        const stack = await startOn(ports, { ...base, smtpUrl }, mailSocket, options.log);
        step.done();
        const stop = async (): Promise<void> => {
          await stack.stop();
          await sockets?.remove();
        };
        return { ...stack, stop };
      } catch (error) {
        const taken = error instanceof ChildStartError && error.message.includes('address already in use');
        if (!taken || attempt === portAttempts) {
          throw error;
        }
      }
    }
  } catch (error) {
    step.failed();
    await sockets?.remove();
    throw error;
  }
}

async function findPorts(): Promise<OryPorts> {
  const [kratosPublic = 0, kratosAdmin = 0, hydraPublic = 0, hydraAdmin = 0, smtp = 0, mailbox = 0] =
    await findFreePorts(6);
  return { kratosPublic, kratosAdmin, hydraPublic, hydraAdmin, smtp, mailbox };
}

async function migrate(title: string, command: ChildCommand): Promise<void> {
  const run = runChild(command);
  const exit = await run.exited;
  if (exit.code !== 0) {
    throw new LaunchError(
      [
        `The database of ${title} can't be brought up to date (${describeExit(exit)}). Its last lines:`,
        ...run.lastLines().map((line) => `  ${line}`),
      ].join('\n'),
    );
  }
}

async function startOn(
  ports: OryPorts,
  setting: OrySetting,
  mailSocket: string | undefined,
  log: LogLine,
): Promise<OryStack> {
  const kratos = new SupervisedChild(await kratosProgram(setting, ports), log);
  const hydra = new SupervisedChild(await hydraProgram(setting, ports), log);
  const mailpit =
    mailSocket === undefined
      ? undefined
      : new SupervisedChild(mailpitProgram(setting, ports, mailSocket), log);
  let mailbox: MailboxServer | undefined;
  const all = [kratos, hydra, ...(mailpit === undefined ? [] : [mailpit])];
  const cleanup = new OryCleanup(await cleanUps(setting), log);
  const stop = async () => {
    await Promise.all([cleanup.stop(), mailbox?.stop(), ...all.map((child) => child.stop())]);
  };
  const starts = all.map((child) => child.start());
  try {
    await Promise.all(starts);
    if (mailSocket !== undefined) {
      mailbox = await startMailbox({ host: loopback, port: ports.mailbox }, new MailpitClient(mailSocket));
    }
  } catch (error) {
    await stop();
    await Promise.allSettled(starts);
    throw error;
  }
  cleanup.start();
  return {
    env: {
      KRATOS_PUBLIC_URL: loopbackUrl(ports.kratosPublic),
      KRATOS_ADMIN_URL: adminUrl('kratos', ports),
      HYDRA_PUBLIC_URL: loopbackUrl(ports.hydraPublic),
      HYDRA_ADMIN_URL: adminUrl('hydra', ports),
      SMTP_URL: setting.smtpUrl,
    },
    mailboxUrl: mailSocket !== undefined ? loopbackUrl(ports.mailbox) : undefined,
    children: { kratos, hydra, mailpit },
    cleanup,
    stop,
  };
}

function loopbackUrl(port: number): string {
  return `http://${loopback}:${port}`;
}
