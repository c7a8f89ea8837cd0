import { readFileSync } from 'node:fs';
import { assertInside } from '../config/air-gap.check.js';
import { type Configuration, ConfigurationError, loadConfiguration } from '../config/configuration.js';
import type { SocialProvider } from '../config/social-providers.parser.js';
import type { AdminAccount } from './admin.account.js';
import type { ReadinessProbe } from './readiness.probe.js';
import type { Environment } from './binary.store.js';
import { LaunchError, exitCodes } from './launch.error.js';
import { makeSecrets } from './secret.store.js';

const oryUrls = ['KRATOS_PUBLIC_URL', 'KRATOS_ADMIN_URL', 'HYDRA_PUBLIC_URL', 'HYDRA_ADMIN_URL'] as const;
const defaultAdminEmail = 'admin@vestibule.example';

/** What an embedded run is told by its environment, defaults filled in. */
export interface EmbeddedPlan {
  readonly publicUrl: string;
  /** The product's name. */
  readonly brandName: string;
  /** Characters of a new password, at least. */
  readonly passwordMinLength: number | undefined;
  /** Whether anyone may register. */
  readonly registers: boolean;
  readonly host: string;
  readonly port: number;
  /** Absolute. */
  readonly dataDir: string;
  /** A pino level. */
  readonly logLevel: string;
  readonly adminEmail: string;
  /** Set when somebody chose it. */
  readonly adminPassword: string | undefined;
  /** Set when somebody has a mail server: Mailpit isn't started then. */
  readonly smtpUrl: string | undefined;
  readonly socialProviders: readonly SocialProvider[];
  /** The gateway's, with addresses where nobody is for Kratos and Hydra, which have none yet. */
  readonly configuration: Configuration;
}

/** Whether Ory is to be run here: the provider is Ory, and none of its addresses is given. */
export function isEmbedded(environment: Environment): boolean {
  const provider = valueOf(environment, 'AUTH_PROVIDER');
  return (provider ?? 'ory') === 'ory' && !oryUrls.some((name) => isGiven(environment, name));
}

/**
 * Reads the environment of an embedded run.
 * @throws {LaunchError} with exit code 78, listing everything that is wrong with it.
 */
export function planEmbedded(environment: Environment): EmbeddedPlan {
  const configuration = readConfiguration({
    ...withDefaults(environment),
    ...secretsUnlessGiven(environment, makeSecrets().gateway),
    ...Object.fromEntries(oryUrls.map((name) => [name, 'http://127.0.0.1:1'])),
  });
  return {
    publicUrl: configuration.PUBLIC_URL,
    brandName: configuration.BRAND_NAME,
    passwordMinLength: configuration.AUTH_PROVIDER === 'ory' ? configuration.PASSWORD_MIN_LENGTH : undefined,
    registers: configuration.SIGNUP !== 'closed',
    host: configuration.HOST,
    port: configuration.PORT,
    dataDir: configuration.DATA_DIR,
    logLevel: configuration.LOG_LEVEL,
    adminEmail: valueOf(environment, 'ADMIN_EMAIL') ?? defaultAdminEmail,
    adminPassword: valueOf(environment, 'ADMIN_PASSWORD'),
    smtpUrl: valueOf(environment, 'SMTP_URL'),
    socialProviders: configuration.AUTH_PROVIDER === 'ory' ? configuration.SOCIAL_PROVIDERS : [],
    configuration,
  };
}

/**
 * Refuses hosts outside of the private network where `AIR_GAPPED` asks for that.
 * @throws {LaunchError} with exit code 78, naming the variables.
 */
export async function assertPlanStaysInside({ configuration }: EmbeddedPlan): Promise<void> {
  if (configuration.AIR_GAPPED) {
    await assertInside(configuration).catch(asLaunchError);
  }
}

/** The gateway's environment: all that was given, and what an embedded run adds. */
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
  const defined: Record<string, string> = {};
  for (const [name, value] of Object.entries(planned)) {
    const isReplacedFile = name.endsWith('_FILE') && isSet(planned[name.slice(0, -'_FILE'.length)]);
    if (value !== undefined && !isReplacedFile) {
      defined[name] = value;
    }
  }
  return defined;
}

/** Where the gateway says that it is ready, reached from this machine. */
export function gatewayProbe(plan: Pick<EmbeddedPlan, 'host' | 'port' | 'publicUrl'>): ReadinessProbe {
  const reachable = { '0.0.0.0': '127.0.0.1', '::': '::1' }[plan.host] ?? plan.host;
  const host = reachable.includes(':') ? `[${reachable}]` : reachable;
  return {
    url: `http://${host}:${plan.port}/health/ready`,
    host: new URL(plan.publicUrl).host,
    status: 'ok',
  };
}

/** The configuration of an environment. @throws {LaunchError} with exit code 78, listing everything that is wrong with it. */
export function readConfiguration(environment: Environment): Configuration {
  try {
    return loadConfiguration(environment);
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

/** The value itself or the content of the file that `NAME_FILE` names; the configuration reports a file that can't be read. */
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
