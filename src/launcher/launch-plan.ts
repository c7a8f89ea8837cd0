import { readFileSync } from 'node:fs';
import { assertInside } from '../platform/air-gap/air-gap.check.js';
import {
  type Configuration,
  ConfigurationError,
  type Environment,
  loadConfiguration,
} from '../platform/config/configuration.js';
import type { AdminAccount } from './admin-account.js';
import type { OrySetting } from './ory-programs.js';
import type { ReadinessProbe } from './readiness.probe.js';
import { definedOnly } from './env-template.js';
import { LaunchError, exitCodes } from './launch.error.js';
import { makeSecrets } from './secret.store.js';
import { ownFeatures } from '../app/features.js';

const oryUrls = ['KRATOS_PUBLIC_URL', 'KRATOS_ADMIN_URL', 'HYDRA_PUBLIC_URL', 'HYDRA_ADMIN_URL'] as const;
/** Addresses for Kratos and Hydra while they have no ports: nothing listens there. */
export const placeholderUrls: Readonly<Record<string, string>> = Object.fromEntries(
  oryUrls.map((name) => [name, 'http://127.0.0.1:1']),
);
const defaultAdminEmail = 'admin@vestibule.example';

/** Settings of an embedded run from its environment, with defaults applied. */
export interface EmbeddedPlan extends Pick<
  OrySetting,
  'publicUrl' | 'brandName' | 'mailFrom' | 'passwordMinLength' | 'socialProviders' | 'logLevel'
> {
  readonly host: string;
  readonly port: number;
  /** Absolute path. */
  readonly dataDir: string;
  readonly adminEmail: string;
  /** Set if the operator chose one. */
  readonly adminPassword: string | undefined;
  /** Set if the operator has a mail server. Mailpit isn't started then. */
  readonly smtpUrl: string | undefined;
  /** Where the mailbox listens, if the operator chose (`MAILBOX_HOST`, `MAILBOX_PORT`). */
  readonly mailbox: { readonly host: string | undefined; readonly port: number | undefined };
  /** The gateway's configuration, with placeholder addresses for Kratos and Hydra, which have no ports yet. */
  readonly configuration: Configuration;
}

/** Whether to run Ory here: the provider is Ory, and none of its addresses is set. */
export function isEmbedded(environment: Environment): boolean {
  const provider = valueOf(environment, 'AUTH_PROVIDER');
  return (provider ?? 'ory') === 'ory' && !oryUrls.some((name) => isGiven(environment, name));
}

/** Reads the environment of an embedded run. @throws {LaunchError} with exit code 78, listing all that is wrong. */
export function planEmbedded(environment: Environment): EmbeddedPlan {
  const configuration = readConfiguration({
    ...withDefaults(environment),
    ...secretsUnlessGiven(environment, makeSecrets().gateway),
    ...placeholderUrls,
  });
  return {
    publicUrl: configuration.PUBLIC_URL,
    brandName: configuration.BRAND_NAME,
    mailFrom: configuration.MAIL_FROM,
    passwordMinLength: configuration.AUTH_PROVIDER === 'ory' ? configuration.PASSWORD_MIN_LENGTH : undefined,
    host: configuration.HOST,
    port: configuration.PORT,
    dataDir: configuration.DATA_DIR,
    logLevel: configuration.LOG_LEVEL,
    adminEmail: valueOf(environment, 'ADMIN_EMAIL') ?? defaultAdminEmail,
    adminPassword: valueOf(environment, 'ADMIN_PASSWORD'),
    smtpUrl: valueOf(environment, 'SMTP_URL'),
    mailbox: {
      host: valueOf(environment, 'MAILBOX_HOST'),
      port: mailboxPort(valueOf(environment, 'MAILBOX_PORT'), configuration.PORT),
    },
    socialProviders: configuration.AUTH_PROVIDER === 'ory' ? configuration.SOCIAL_PROVIDERS : [],
    configuration,
  };
}

/** The mailbox's port. @throws {LaunchError} with exit code 78, if it isn't a port or if it is the gateway's. */
function mailboxPort(text: string | undefined, gatewayPort: number): number | undefined {
  const port = Number(text);
  if (
    text !== undefined &&
    !(/^\d{1,5}$/.test(text) && port >= 1 && port <= 65_535 && port !== gatewayPort)
  ) {
    throw new LaunchError('MAILBOX_PORT must be a port number from 1 to 65535, and not that of PORT.', {
      exitCode: exitCodes.configuration,
    });
  }
  return text === undefined ? undefined : port;
}

/** Refuses hosts outside the private network under `AIR_GAPPED`. @throws {LaunchError} with exit code 78. */
export async function assertPlanStaysInside({ configuration }: EmbeddedPlan): Promise<void> {
  if (configuration.AIR_GAPPED) {
    await assertInside(configuration).catch(asLaunchError);
  }
}

/** The gateway's environment: the given variables, and those that an embedded run adds. */
export function gatewayEnvironment(
  environment: Environment,
  plan: EmbeddedPlan,
  additions: {
    readonly secrets: readonly string[];
    readonly ory: Readonly<Record<string, string>>;
    readonly admin: AdminAccount;
  },
): Record<string, string> {
  const planned: Record<string, string | undefined> = {
    ...withDefaults(environment),
    ...secretsUnlessGiven(environment, additions.secrets),
    AUTH_PROVIDER: 'ory',
    PUBLIC_URL: plan.publicUrl,
    HOST: plan.host,
    PORT: String(plan.port),
    DATA_DIR: plan.dataDir,
    ...additions.ory,
  };
  if (additions.admin.password !== undefined) {
    planned['ADMIN_EMAIL'] = additions.admin.email;
    planned['ADMIN_PASSWORD'] = additions.admin.password;
  } else if (plan.adminPassword !== undefined) {
    planned['ADMIN_EMAIL'] = plan.adminEmail;
    planned['ADMIN_PASSWORD'] = plan.adminPassword;
  }
  const replacedFiles = Object.keys(planned).filter(
    (name) => name.endsWith('_FILE') && isSet(planned[name.slice(0, -'_FILE'.length)]),
  );
  return definedOnly({ ...planned, ...Object.fromEntries(replacedFiles.map((name) => [name, undefined])) });
}

/** The gateway's address, as reached from this machine. */
export function gatewayAddress({ host, port }: Pick<EmbeddedPlan, 'host' | 'port'>): string {
  const reachable = { '0.0.0.0': '127.0.0.1', '::': '::1' }[host] ?? host;
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
}

/** The gateway's readiness probe, as reached from this machine. */
export function gatewayProbe(plan: Pick<EmbeddedPlan, 'host' | 'port' | 'publicUrl'>): ReadinessProbe {
  return {
    url: `${gatewayAddress(plan)}/health/ready`,
    host: new URL(plan.publicUrl).host,
    status: 'ok',
  };
}

/** Parses an environment. @throws {LaunchError} with exit code 78, listing everything that is wrong with it. */
export function readConfiguration(environment: Environment): Configuration {
  try {
    return loadConfiguration(environment, ownFeatures);
  } catch (error) {
    return asLaunchError(error);
  }
}

function asLaunchError(error: unknown): never {
  if (error instanceof ConfigurationError) {
    throw new LaunchError(error.message, { exitCode: exitCodes.configuration, cause: error });
  }
  throw error;
}

function withDefaults(environment: Environment): Record<string, string | undefined> {
  const port = valueOf(environment, 'PORT') ?? '';
  return {
    ...environment,
    ...(isGiven(environment, 'PUBLIC_URL') || !/^\d{1,5}$/.test(port)
      ? {}
      : { PUBLIC_URL: `http://localhost:${port}` }),
    ...(isGiven(environment, 'DEMO') ? {} : { DEMO: 'true' }),
  };
}

function secretsUnlessGiven(environment: Environment, secrets: readonly string[]): Record<string, string> {
  return isGiven(environment, 'SECRETS') ? {} : { SECRETS: secrets.join(',') };
}

function isSet(value: string | undefined): value is string {
  return value !== undefined && value !== '';
}

function isGiven(environment: Environment, name: string): boolean {
  return isSet(environment[name]) || isSet(environment[`${name}_FILE`]);
}

/** A variable's value, or the content of the file that `NAME_FILE` names. The configuration reports an unreadable file. */
function valueOf(environment: Environment, name: string): string | undefined {
  const value = environment[name];
  const file = environment[`${name}_FILE`];
  if (isSet(value) || !isSet(file)) {
    return isSet(value) ? value : undefined;
  }
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return undefined;
  }
}
