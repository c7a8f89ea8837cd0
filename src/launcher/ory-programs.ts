import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Environment } from '../platform/config/configuration.js';
import { dockerFolder } from './binary.store.js';
import type { SocialProvider } from '../platform/config/social-providers.parser.js';
import type { BinaryName, OryName } from './binary-pins.js';
import type { ChildCommand } from './child-process.js';
import { definedOnly, fillEnvTemplate } from './env-template.js';
import { ownBrand } from '../platform/config/mail-brand.js';
import { writeMailTemplates } from './mail-templates.js';
import { readOryLine } from './ory-log.js';
import { passkeyDomain } from './passkey-domain.js';
import type { EmbeddedSecrets } from './secret.store.js';
import type { SupervisedProgram } from './supervised-child.js';

/** Settings with which Kratos, Hydra and Mailpit are started. */
export interface OrySetting {
  /** Origin that browsers see. Only plain http adds `--dev` (cookies without Secure, an http issuer). */
  readonly publicUrl: string;
  /** Where Kratos finds the gateway. Default `publicUrl`. */
  readonly gatewayUrl?: string | undefined;
  /** The product's name. Default Vestibule. */
  readonly brandName?: string | undefined;
  /** Sender of the mails. Default that of docker/kratos/kratos.env. */
  readonly mailFrom?: string | undefined;
  /** Minimum length of a new password, in characters. Default that of docker/kratos/kratos.env. */
  readonly passwordMinLength?: number | undefined;
  /** `#rrggbb`, for mails. */
  readonly brandColor?: string | undefined;
  /** Absolute paths of the programs. */
  readonly binaries: ReadonlyMap<BinaryName, string>;
  readonly secrets: EmbeddedSecrets;
  readonly dsn: { readonly kratos: string; readonly hydra: string };
  /** Absolute path of the folder for Mailpit's database and the branded mail templates. */
  readonly folder: string;
  readonly smtpUrl: string;
  /** Third-party logins. */
  readonly socialProviders: readonly SocialProvider[];
  /** A pino level. Ory logs one level less. */
  readonly logLevel: string;
  /** Only PATH, HOME, TMPDIR, SMTP_FROM and the trusted authorities are passed on. */
  readonly environment: Environment;
}

/** Loopback ports of Ory's APIs and of mail. */
export interface OryPorts {
  readonly kratosPublic: number;
  readonly kratosAdmin: number;
  readonly hydraPublic: number;
  readonly hydraAdmin: number;
  readonly smtp: number;
  /** Port of the mailbox pages, which the launcher itself serves. */
  readonly mailbox: number;
  /** Folder for Unix sockets of the admin APIs. If set, the admin APIs use no ports. */
  readonly sockets?: string;
}

/**
 * Memory from which on Go collects garbage more often (docs/adr/0004-embedded-ory.md, "Start and memory"). Each password takes 19 MB for
 * a moment. It isn't a limit: what is in use may exceed it. `GOMEMLIMIT` in the environment takes its place.
 */
const goMemory = '128MiB';

/** Address that all of them listen on. */
export const loopback = '127.0.0.1';

/** A command of each of Ory's programs. */
export type OryCommands = Readonly<Record<OryName, ChildCommand>>;

/** The commands that migrate Kratos' and Hydra's databases. */
export async function migrations(setting: OrySetting): Promise<OryCommands> {
  return {
    kratos: await oryCommand('kratos', setting, ['migrate', 'sql', '-e', '--yes', '-c', 'kratos.yml']),
    hydra: await oryCommand('hydra', setting, ['migrate', 'sql', 'up', '-e', '--yes', '-c', 'hydra.yml']),
  };
}

/** The commands that remove expired rows from Kratos' and Hydra's databases, as in docker/compose.yml. */
export async function cleanUps(setting: OrySetting): Promise<OryCommands> {
  const rows = ['--database.cleanup.batch_size', '50000', '--database.cleanup.sleep.tables', '1s'];
  const what = ['--requests', '--tokens', '--grants', '--limit', '50000', '--batch-size', '500'];
  return {
    kratos: await oryCommand('kratos', setting, ['cleanup', 'sql', '-e', '-c', 'kratos.yml', ...rows]),
    hydra: await oryCommand('hydra', setting, ['janitor', '-e', '-c', 'hydra.yml', ...what]),
  };
}

/** The program for Kratos, with its courier in the same process. */
export async function kratosProgram(setting: OrySetting, ports: OryPorts): Promise<SupervisedProgram> {
  const args = ['serve', '-c', 'kratos.yml', '--sqa-opt-out', '--watch-courier', ...devFlag(setting)];
  const command = await oryCommand('kratos', setting, args, ports);
  const env = { ...command.env, ...(await mailTemplates(setting)) };
  return supervised('kratos', { ...command, env }, '/admin/health/ready', ports);
}

/** Kratos' variable with the folder of the branded mail templates; empty for Vestibule's own brand. */
async function mailTemplates(setting: OrySetting): Promise<Record<string, string>> {
  const { brandName = ownBrand.name, brandColor: color, folder } = setting;
  if (brandName === ownBrand.name && color === undefined) {
    return {};
  }
  const target = join(folder, 'mail-templates');
  await writeMailTemplates(join(dockerFolder, 'kratos', 'templates'), target, { name: brandName, color });
  return { COURIER_TEMPLATE_OVERRIDE_PATH: target };
}

/** The program for Hydra. */
export async function hydraProgram(setting: OrySetting, ports: OryPorts): Promise<SupervisedProgram> {
  const args = ['serve', 'all', '-c', 'hydra.yml', '--sqa-opt-out', ...devFlag(setting)];
  return supervised('hydra', await oryCommand('hydra', setting, args, ports), '/health/ready', ports);
}

/** A server that is ready when its admin API answers at `path`. */
function supervised(name: OryName, command: ChildCommand, path: string, ports: OryPorts): SupervisedProgram {
  const socket = adminSocket(name, ports);
  const url = `http://${loopback}:${ports[`${name}Admin`]}${path}`;
  return { ...command, name, ...socket, probe: { url, ...socket } };
}

/** URL of an admin API for the gateway. */
export function adminUrl(name: OryName, ports: OryPorts): string {
  const { socketPath } = adminSocket(name, ports);
  return socketPath === undefined ? `http://${loopback}:${ports[`${name}Admin`]}` : `unix:${socketPath}`;
}

function adminSocket(name: OryName, { sockets }: OryPorts): { readonly socketPath?: string } {
  return sockets === undefined ? {} : { socketPath: join(sockets, `${name}-admin.sock`) };
}

/** Host that an admin API listens on. For Ory, a host that begins with `unix:` is a socket. */
function adminHost(name: OryName, ports: OryPorts | undefined): string {
  return ports?.sockets === undefined ? loopback : adminUrl(name, ports);
}

/** Path of the Unix socket of Mailpit's API. @param folder the folder for sockets. */
export function mailpitSocket(folder: string): string {
  return join(folder, 'mailpit.sock');
}

/** The program for Mailpit, which catches every mail. @param socketPath Unix socket that its API listens on instead of a port. */
export function mailpitProgram(setting: OrySetting, ports: OryPorts, socketPath: string): SupervisedProgram {
  const settings = {
    // A plain file name in its working directory: Mailpit doesn't escape a path, and would cut it off at a # or ?.
    '--database': 'mailpit.sqlite',
    '--smtp': `${loopback}:${ports.smtp}`,
    '--listen': `unix:${socketPath}:0600`,
    '--max': '500',
    // Refuses pages whose host name was pointed at loopback (DNS rebinding). Names of loopback are always allowed.
    '--allowed-hosts': 'localhost',
  };
  const flags = ['--disable-version-check', '--smtp-disable-rdns', '--block-remote-css-and-fonts'];
  return {
    name: 'mailpit',
    command: pathOf('mailpit', setting),
    cwd: setting.folder,
    args: [...Object.entries(settings).flat(), ...flags, ...(isVerbose(setting) ? [] : ['--quiet'])],
    env: ownEnvironment(setting.environment),
    readLine: (line) => (line.includes('got terminated signal') ? undefined : line),
    probe: { url: `http://${loopback}/readyz`, socketPath },
  };
}

async function oryCommand(
  name: OryName,
  setting: OrySetting,
  args: readonly string[],
  ports?: OryPorts,
): Promise<ChildCommand> {
  const folder = join(dockerFolder, name);
  const template = await readFile(join(folder, `${name}.env`), 'utf8');
  return {
    command: pathOf(name, setting),
    args,
    // The settings name their schema by a relative path.
    cwd: folder,
    env: {
      ...ownEnvironment(setting.environment),
      GOMEMLIMIT: setting.environment['GOMEMLIMIT'] ?? goMemory,
      ...fillEnvTemplate(template, templateValues(setting, ports)),
    },
    readLine: readOryLine,
  };
}

function templateValues(setting: OrySetting, ports?: OryPorts): Record<string, string | undefined> {
  const { kratos, hydra } = setting.secrets;
  const logLevel = { debug: 'info', trace: 'debug', fatal: 'error', silent: 'error' }[setting.logLevel];
  const domain = passkeyDomain(setting.publicUrl);
  return {
    PUBLIC_URL: setting.publicUrl,
    GATEWAY_URL: setting.gatewayUrl ?? setting.publicUrl,
    BRAND_NAME: setting.brandName,
    PASSWORD_MIN_LENGTH: setting.passwordMinLength?.toString(),
    PASSKEYS_ENABLED: domain === undefined ? 'false' : 'true',
    PASSKEY_DOMAIN: domain,
    SMTP_URL: setting.smtpUrl,
    SOCIAL_LOGIN_ENABLED: setting.socialProviders.length > 0 ? 'true' : 'false',
    SOCIAL_PROVIDERS: JSON.stringify(setting.socialProviders),
    SMTP_FROM: setting.environment['SMTP_FROM'] ?? setting.mailFrom,
    // Only used for links in Kratos' responses.
    KRATOS_ADMIN_URL: `http://${loopback}:${ports?.kratosAdmin ?? 4434}`,
    KRATOS_DSN: setting.dsn.kratos,
    KRATOS_SECRETS_DEFAULT: kratos.default.join(','),
    KRATOS_SECRETS_COOKIE: kratos.cookie.join(','),
    KRATOS_SECRETS_CIPHER: kratos.cipher.join(','),
    KRATOS_PUBLIC_HOST: loopback,
    KRATOS_PUBLIC_PORT: ports?.kratosPublic.toString(),
    KRATOS_ADMIN_HOST: adminHost('kratos', ports),
    KRATOS_ADMIN_PORT: ports?.kratosAdmin.toString(),
    KRATOS_LOG_LEVEL: logLevel,
    HYDRA_DSN: setting.dsn.hydra,
    HYDRA_SECRETS_SYSTEM: hydra.system.join(','),
    HYDRA_SECRETS_COOKIE: hydra.cookie.join(','),
    HYDRA_PAIRWISE_SALT: hydra.pairwiseSalt,
    HYDRA_PUBLIC_HOST: loopback,
    HYDRA_PUBLIC_PORT: ports?.hydraPublic.toString(),
    HYDRA_ADMIN_HOST: adminHost('hydra', ports),
    HYDRA_ADMIN_PORT: ports?.hydraAdmin.toString(),
    HYDRA_LOG_LEVEL: logLevel,
  };
}

function pathOf(name: BinaryName, { binaries }: OrySetting): string {
  const path = binaries.get(name);
  if (path === undefined) {
    throw new Error(`no binary of ${name} was asked for`);
  }
  return path;
}

function ownEnvironment(environment: Environment): Record<string, string> {
  const { PATH, HOME, TMPDIR, NODE_EXTRA_CA_CERTS, SSL_CERT_FILE, SSL_CERT_DIR } = environment;
  // An authority that the gateway trusts besides those of the system, these programs trust too: Hydra delivers logout tokens to
  // PUBLIC_URL. Go reads the folders of the system all the same.
  const authority = NODE_EXTRA_CA_CERTS || SSL_CERT_FILE;
  return definedOnly({
    PATH,
    HOME,
    TMPDIR,
    SSL_CERT_FILE: authority ? resolve(authority) : undefined,
    SSL_CERT_DIR: SSL_CERT_DIR || undefined,
  });
}

/**
 * `--dev` if the public URL is plain http. In Kratos 1.3.1 it removes Secure from cookies, allows a low bcrypt cost and shows
 * mail bodies in the admin API. In Hydra 2.3.0 it removes Secure, allows an issuer and redirect URIs with plain http, and adds
 * `_dev` to cookie names.
 */
function devFlag(setting: OrySetting): string[] {
  return setting.publicUrl.startsWith('http://') ? ['--dev'] : [];
}

function isVerbose(setting: OrySetting): boolean {
  return setting.logLevel === 'debug' || setting.logLevel === 'trace';
}
