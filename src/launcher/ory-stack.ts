import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Progress } from '../../scripts/progress.mjs';
import { findBinaries } from './binary.store.js';
import { startMailbox } from './mailbox-server.js';
import { MailpitClient } from './mailpit.client.js';
import { OryCleanup } from './ory-cleanup.js';
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
} from './ory-programs.js';
import { giveStatistics } from './kratos-statistics.js';
import { migrate } from './ory-migrations.js';
import { assertOryStaysInside } from './ory-air-gap.js';
import { findFreePorts } from './port-finder.js';
import { openSocketFolder } from './socket-folder.js';
import { loadSecrets } from './secret.store.js';
import { sqliteDsn } from './sqlite-dsn.js';
import { ChildStartError, type LogLine, SupervisedChild } from './supervised-child.js';

type Defaulted = Omit<OrySetting, 'publicUrl' | 'environment' | 'binaries' | 'folder' | 'smtpUrl'>;

/**
 * Options for starting Ory. By default, the secrets and SQLite files are those of the data folder, which are created at the first
 * start; anyone may register; there are no third-party logins; and Ory logs warnings and errors (the level `info`).
 */
export interface OryOptions extends Pick<OrySetting, 'publicUrl' | 'environment'>, Partial<Defaulted> {
  /** Folder for the databases (`<dataDir>/ory`) and the secrets (`<dataDir>/secrets`). */
  readonly dataDir: string;
  /** A mail server for Kratos. If set, Mailpit isn't started. */
  readonly smtpUrl?: string | undefined;
  /** Whether Mailpit is started if there is no `smtpUrl`. Without either, mail stays in Kratos' queue. Default true. */
  readonly mail?: boolean;
  /** Where the mailbox listens: 127.0.0.1 and a free port by default. Anyone who reaches it reads every mail. */
  readonly mailbox?: { readonly host?: string | undefined; readonly port?: number | undefined };
  /** Whether settings that would leave the private network are refused. Default false. */
  readonly airGapped?: boolean;
  /** Whether the admin APIs listen on Unix sockets, out of reach of other users and web pages, and on no port. Default false. */
  readonly adminSockets?: boolean;
  /** Called with the addresses before Ory is started on them: again with others if another program has taken a port. */
  readonly onAddresses?: (env: Readonly<Record<string, string>>) => Promise<void>;
  readonly log: LogLine;
  readonly progress: Progress;
}

/** Kratos, Hydra and, unless disabled, Mailpit. They are kept running until they are stopped. */
export interface OryStack {
  /** The gateway's KRATOS_PUBLIC_URL, KRATOS_ADMIN_URL, HYDRA_PUBLIC_URL, HYDRA_ADMIN_URL and SMTP_URL. */
  readonly env: Readonly<Record<string, string>>;
  /** URL of the mailbox pages and Mailpit's API; undefined without Mailpit. */
  readonly mailboxUrl: string | undefined;
  readonly children: {
    readonly kratos: SupervisedChild;
    readonly hydra: SupervisedChild;
    readonly mailpit: SupervisedChild | undefined;
  };
  /** Removes expired rows from their databases every ten minutes. */
  readonly cleanup: OryCleanup;
  /** Stops all of them, and kills them after 5 seconds. */
  stop(): Promise<void>;
}

const portAttempts = 3;
/** Placeholder ports, to check the settings before anything is started. */
const noPorts = { kratosPublic: 0, kratosAdmin: 0, hydraPublic: 0, hydraAdmin: 0, smtp: 0, mailbox: 0 };

/**
 * Finds or builds the binaries, migrates the databases, and starts Ory on free loopback ports. Resolves when all are ready.
 * @throws {LaunchError} if a binary isn't available or doesn't start. Nothing is left running then.
 */
export async function startOry(options: OryOptions): Promise<OryStack> {
  const { environment, progress } = options;
  const withMailpit = options.smtpUrl === undefined && options.mail !== false;
  const names = ['kratos', 'hydra', ...(withMailpit ? (['mailpit'] as const) : [])] as const;
  const binaries = await findBinaries(names, environment, progress);
  const folder = join(resolve(options.dataDir), 'ory');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const files = { kratos: join(folder, 'kratos.sqlite'), hydra: join(folder, 'hydra.sqlite') };
  const dsn = options.dsn ?? { kratos: sqliteDsn(files.kratos), hydra: sqliteDsn(files.hydra) };
  const base = {
    ...options,
    binaries,
    secrets: options.secrets ?? (await loadSecrets(resolve(options.dataDir))),
    dsn,
    folder,
    smtpUrl: options.smtpUrl ?? `smtp://${loopback}:25/?disable_starttls=true`,
    socialProviders: options.socialProviders ?? [],
    logLevel: options.logLevel ?? 'info',
  };
  if (options.airGapped === true) {
    const [kratos, hydra] = await Promise.all([kratosProgram(base, noPorts), hydraProgram(base, noPorts)]);
    const own = [options.publicUrl, options.gatewayUrl ?? options.publicUrl];
    await assertOryStaysInside({ kratos, hydra }, own);
  }
  const step = progress.step('starting Kratos and Hydra');
  const sockets = options.adminSockets === true || withMailpit ? await openSocketFolder(folder) : undefined;
  const adminSockets = options.adminSockets === true && sockets ? { sockets: sockets.path } : {};
  try {
    const { kratos, hydra } = await migrations(base);
    const own = options.dsn === undefined ? files : undefined;
    await Promise.all([migrate('Kratos', kratos, own?.kratos), migrate('Hydra', hydra, own?.hydra)]);
    if (own !== undefined) {
      giveStatistics(own.kratos);
    }
    for (let attempt = 1; ; attempt += 1) {
      const free = await findPorts();
      const ports = { ...free, mailbox: options.mailbox?.port ?? free.mailbox, ...adminSockets };
      const smtpUrl = withMailpit ? `smtp://${loopback}:${ports.smtp}/?disable_starttls=true` : base.smtpUrl;
      try {
        await options.onAddresses?.(addresses(ports, smtpUrl));
        const mailSocket = withMailpit && sockets ? mailpitSocket(sockets.path) : undefined;
        const stack = await startOn(ports, { ...base, smtpUrl }, mailSocket, options);
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

async function startOn(
  ports: OryPorts,
  setting: OrySetting,
  mailSocket: string | undefined,
  { log, mailbox: { host = loopback } = {} }: OryOptions,
): Promise<OryStack> {
  const kratos = new SupervisedChild(await kratosProgram(setting, ports), log);
  const hydra = new SupervisedChild(await hydraProgram(setting, ports), log);
  const mailpit =
    mailSocket === undefined
      ? undefined
      : new SupervisedChild(mailpitProgram(setting, ports, mailSocket), log);
  let mailbox: { stop(): Promise<void> } | undefined;
  const all = [kratos, hydra, ...(mailpit === undefined ? [] : [mailpit])];
  const cleanup = new OryCleanup(await cleanUps(setting), log);
  const stop = async () => {
    await Promise.all([cleanup.stop(), mailbox?.stop(), ...all.map((child) => child.stop())]);
  };
  const starts = all.map((child) => child.start());
  try {
    await Promise.all(starts);
    if (mailSocket !== undefined) {
      mailbox = await startMailbox({ host, port: ports.mailbox }, new MailpitClient(mailSocket));
    }
  } catch (error) {
    await stop();
    await Promise.allSettled(starts);
    throw error;
  }
  cleanup.start();
  return {
    env: addresses(ports, setting.smtpUrl),
    mailboxUrl: mailSocket !== undefined ? loopbackUrl(ports.mailbox) : undefined,
    children: { kratos, hydra, mailpit },
    cleanup,
    stop,
  };
}

function addresses(ports: OryPorts, smtpUrl: string): OryStack['env'] {
  return {
    KRATOS_PUBLIC_URL: loopbackUrl(ports.kratosPublic),
    KRATOS_ADMIN_URL: adminUrl('kratos', ports),
    HYDRA_PUBLIC_URL: loopbackUrl(ports.hydraPublic),
    HYDRA_ADMIN_URL: adminUrl('hydra', ports),
    SMTP_URL: smtpUrl,
  };
}

function loopbackUrl(port: number): string {
  return `http://${loopback}:${port}`;
}
