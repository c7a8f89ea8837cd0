import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Environment, dockerFolder } from './binary.store.js';
import type { SocialProvider } from '../config/social-providers.parser.js';
import type { BinaryName } from './binary.pins.js';
import type { ChildCommand } from './child.process.js';
import { fillEnvTemplate } from './env.template.js';
import { ownBrand } from '../config/mail.brand.js';
import { writeMailTemplates } from './mail.templates.js';
import { readOryLine } from './ory.log.js';
import { passkeyDomain } from './passkey.domain.js';
import type { EmbeddedSecrets } from './secret.store.js';
import type { SupervisedProgram } from './supervised.child.js';

/** What Kratos, Hydra and Mailpit are started with. */
export interface OrySetting {
  /** Origin that browsers see; `--dev` (cookies without Secure, an http issuer) is given only when it is plain http. */
  readonly publicUrl: string;
  /** The product's name, where it has one of its own. */
  readonly brandName: string | undefined;
  /** Characters of a new password, at least; Kratos' own setting where it is undefined. */
  readonly passwordMinLength: number | undefined;
  /** `#rrggbb`, for mails. */
  readonly brandColor?: string | undefined;
  /** Whether Kratos registers anyone. */
  readonly registers: boolean;
  /** Absolute paths. */
  readonly binaries: ReadonlyMap<BinaryName, string>;
  readonly secrets: EmbeddedSecrets;
  readonly dsn: { readonly kratos: string; readonly hydra: string };
  /** Absolute path of the mailbox' folder. */
  readonly folder: string;
  readonly smtpUrl: string;
  /** Third-party logins. */
  readonly socialProviders: readonly SocialProvider[];
  /** A pino level; Ory is kept a step calmer. */
  readonly logLevel: string;
  /** PATH, HOME, TMPDIR and SMTP_FROM are taken from it, nothing else. */
  readonly environment: Environment;
}

/** Loopback ports. */
export interface OryPorts {
  readonly kratosPublic: number;
  readonly kratosAdmin: number;
  readonly hydraPublic: number;
  readonly hydraAdmin: number;
  readonly smtp: number;
  /** Of the mailbox' pages, which the launcher itself serves. */
  readonly mailbox: number;
  /** Folder of the admin APIs' Unix sockets, which then have no port. */
  readonly sockets?: string;
}

/** The interface all of them listen on. */
export const loopback = '127.0.0.1';

/** The commands that bring Kratos' and Hydra's databases up to date. */
export async function migrations(setting: OrySetting): Promise<Record<'kratos' | 'hydra', ChildCommand>> {
  const [kratos, hydra] = await Promise.all([oryCommand('kratos', setting), oryCommand('hydra', setting)]);
  return {
    kratos: { ...kratos, args: ['migrate', 'sql', '-e', '--yes', '-c', 'kratos.yml'] },
    hydra: { ...hydra, args: ['migrate', 'sql', 'up', '-e', '--yes', '-c', 'hydra.yml'] },
  };
}

/** The commands that remove what has expired from Kratos' and Hydra's databases; the same as in docker/compose.yml. */
export async function cleanUps(setting: OrySetting): Promise<Record<'kratos' | 'hydra', ChildCommand>> {
  const [kratos, hydra] = await Promise.all([oryCommand('kratos', setting), oryCommand('hydra', setting)]);
  const rows = ['--database.cleanup.batch_size', '50000', '--database.cleanup.sleep.tables', '1s'];
  const what = ['--requests', '--tokens', '--grants', '--limit', '50000', '--batch-size', '500'];
  return {
    kratos: { ...kratos, args: ['cleanup', 'sql', '-e', '-c', 'kratos.yml', ...rows] },
    hydra: { ...hydra, args: ['janitor', '-e', '-c', 'hydra.yml', ...what] },
  };
}

/** Kratos, with its courier in the same process. */
export async function kratosProgram(setting: OrySetting, ports: OryPorts): Promise<SupervisedProgram> {
  const args = ['serve', '-c', 'kratos.yml', '--sqa-opt-out', '--watch-courier', ...devFlag(setting)];
  const command = await oryCommand('kratos', setting, ports);
  return {
    ...command,
    env: { ...command.env, ...(await mailTemplates(setting)) },
    name: 'kratos',
    args,
    ...adminSocket('kratos', ports),
    probe: {
      url: `http://${loopback}:${ports.kratosAdmin}/admin/health/ready`,
      ...adminSocket('kratos', ports),
    },
  };
}

/** Where Kratos finds its mails in the brand's name and colour; nothing where they are ours. */
async function mailTemplates(setting: OrySetting): Promise<Record<string, string>> {
  const { brandName = ownBrand.name, brandColor: color, folder } = setting;
  if (brandName === ownBrand.name && color === undefined) {
    return {};
  }
  const target = join(folder, 'mail-templates');
  await writeMailTemplates(join(dockerFolder, 'kratos', 'templates'), target, { name: brandName, color });
  return { COURIER_TEMPLATE_OVERRIDE_PATH: target };
}

/** Hydra. */
export async function hydraProgram(setting: OrySetting, ports: OryPorts): Promise<SupervisedProgram> {
  return {
    ...(await oryCommand('hydra', setting, ports)),
    name: 'hydra',
    args: ['serve', 'all', '-c', 'hydra.yml', '--sqa-opt-out', ...devFlag(setting)],
    ...adminSocket('hydra', ports),
    probe: { url: `http://${loopback}:${ports.hydraAdmin}/health/ready`, ...adminSocket('hydra', ports) },
  };
}

/** Where the gateway finds an admin API. */
export function adminUrl(name: 'kratos' | 'hydra', ports: OryPorts): string {
  const { socketPath } = adminSocket(name, ports);
  return socketPath === undefined ? `http://${loopback}:${ports[`${name}Admin`]}` : `unix:${socketPath}`;
}

function adminSocket(name: 'kratos' | 'hydra', { sockets }: OryPorts): { readonly socketPath?: string } {
  return sockets === undefined ? {} : { socketPath: join(sockets, `${name}-admin.sock`) };
}

/** What an admin API listens on: Ory knows sockets by a host that begins with `unix:`. */
function adminHost(name: 'kratos' | 'hydra', ports: OryPorts | undefined): string {
  return ports?.sockets === undefined ? loopback : adminUrl(name, ports);
}

/** Where Mailpit's API listens. @param folder of the Unix sockets. */
export function mailpitSocket(folder: string): string {
  return join(folder, 'mailpit.sock');
}

/** Mailpit, which catches every mail of an embedded run. @param socketPath what its API listens on, instead of a port. */
export function mailpitProgram(setting: OrySetting, ports: OryPorts, socketPath: string): SupervisedProgram {
  const settings = {
    // A bare name in its working directory: Mailpit doesn't escape a path, and would cut it at a # or ?.
    '--database': 'mailpit.sqlite',
    '--smtp': `${loopback}:${ports.smtp}`,
    '--listen': `unix:${socketPath}:0600`,
    '--max': '500',
    // A page whose host name was pointed at loopback (DNS rebinding) is refused; names of loopback are always let in.
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
  name: 'kratos' | 'hydra',
  setting: OrySetting,
  ports?: OryPorts,
): Promise<ChildCommand> {
  const folder = join(dockerFolder, name);
  const template = await readFile(join(folder, `${name}.env`), 'utf8');
  return {
    command: pathOf(name, setting),
    args: [],
    // The settings name their schema by a path relative to them.
    cwd: folder,
    env: {
      ...ownEnvironment(setting.environment),
      ...fillEnvTemplate(template, templateValues(setting, ports)),
    },
    readLine: readOryLine,
  };
}

function templateValues(setting: OrySetting, ports?: OryPorts): Record<string, string | undefined> {
  const { kratos, hydra } = setting.secrets;
  const domain = passkeyDomain(setting.publicUrl);
  return {
    PUBLIC_URL: setting.publicUrl,
    BRAND_NAME: setting.brandName,
    REGISTRATION_ENABLED: setting.registers ? 'true' : 'false',
    PASSWORD_MIN_LENGTH: setting.passwordMinLength?.toString(),
    PASSKEYS_ENABLED: domain === undefined ? 'false' : 'true',
    PASSKEY_DOMAIN: domain,
    SMTP_URL: setting.smtpUrl,
    SOCIAL_LOGIN_ENABLED: setting.socialProviders.length > 0 ? 'true' : 'false',
    SOCIAL_PROVIDERS: JSON.stringify(setting.socialProviders),
    SMTP_FROM: setting.environment['SMTP_FROM'],
    // For links in its answers alone.
    KRATOS_ADMIN_URL: `http://${loopback}:${ports?.kratosAdmin ?? 4434}`,
    KRATOS_DSN: setting.dsn.kratos,
    KRATOS_SECRETS_DEFAULT: kratos.default.join(','),
    KRATOS_SECRETS_COOKIE: kratos.cookie.join(','),
    KRATOS_SECRETS_CIPHER: kratos.cipher.join(','),
    KRATOS_PUBLIC_HOST: loopback,
    KRATOS_PUBLIC_PORT: ports?.kratosPublic.toString(),
    KRATOS_ADMIN_HOST: adminHost('kratos', ports),
    KRATOS_ADMIN_PORT: ports?.kratosAdmin.toString(),
    KRATOS_LOG_LEVEL: { debug: 'info', trace: 'debug', fatal: 'error', silent: 'error' }[setting.logLevel],
    HYDRA_DSN: setting.dsn.hydra,
    HYDRA_SECRETS_SYSTEM: hydra.system.join(','),
    HYDRA_SECRETS_COOKIE: hydra.cookie.join(','),
    HYDRA_PAIRWISE_SALT: hydra.pairwiseSalt,
    HYDRA_PUBLIC_HOST: loopback,
    HYDRA_PUBLIC_PORT: ports?.hydraPublic.toString(),
    HYDRA_ADMIN_HOST: adminHost('hydra', ports),
    HYDRA_ADMIN_PORT: ports?.hydraAdmin.toString(),
    HYDRA_LOG_LEVEL: { debug: 'info', trace: 'debug', fatal: 'error', silent: 'error' }[setting.logLevel],
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
  const own: Record<string, string> = {};
  for (const name of ['PATH', 'HOME', 'TMPDIR']) {
    const value = environment[name];
    if (value !== undefined) {
      own[name] = value;
    }
  }
  return own;
}

/**
 * `--dev` of Kratos 1.3.1 takes Secure off its cookies, allows a low bcrypt cost and shows mail bodies in the admin API;
 * of Hydra 2.3.0 it takes Secure off, allows an issuer and redirect URIs with plain http, and adds _dev to cookie names.
 */
function devFlag(setting: OrySetting): string[] {
  return setting.publicUrl.startsWith('http://') ? ['--dev'] : [];
}

function isVerbose(setting: OrySetting): boolean {
  return setting.logLevel === 'debug' || setting.logLevel === 'trace';
}
