import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { z } from 'zod';
import { StartError } from '../errors/start.errors.js';
import { commonVariables } from './common.variables.js';
import { productionProblems } from './production.check.js';
import { type ProtectedHostRule, sharesCookies } from './protected-hosts.parser.js';
import type { ProtectedResource } from './protected-resources.parser.js';
import { auth0Variables, oidcVariables, oryVariables } from './provider.variables.js';
import { isLoopbackHost } from '../core/loopback.js';
import { ProtectedHosts } from '../http/protected.hosts.js';

type Common = z.output<typeof commonVariables>;
type Ory = z.output<typeof oryVariables>;

/** Settings with the same meaning under every provider, with defaults applied. Times are in seconds. */
export interface CommonConfiguration extends Omit<Common, 'AUTH_PROVIDER'> {
  readonly PORT: number;
  readonly ALLOWED_CLIENT_IDS: string[];
  readonly TOKEN_AUDIENCE: string;
  readonly DATABASE_URL: string;
  readonly MAIL_FROM: string;
  readonly METRICS: 'on' | 'off';
}

/** Settings under `AUTH_PROVIDER=ory`. */
export interface OryConfiguration extends CommonConfiguration, Ory {
  readonly AUTH_PROVIDER: 'ory';
  readonly BACKCHANNEL_LOGOUT_URL: string;
  readonly SPA_REDIRECT_URIS: string[];
}

/** Settings under `AUTH_PROVIDER=auth0`. */
export interface Auth0Configuration extends CommonConfiguration, z.output<typeof auth0Variables> {
  readonly AUTH_PROVIDER: 'auth0';
}

/** Settings under `AUTH_PROVIDER=oidc`. */
export interface OidcConfiguration extends CommonConfiguration, z.output<typeof oidcVariables> {
  readonly AUTH_PROVIDER: 'oidc';
}

/** The parsed environment, as a union by provider. It never has a setting of another provider. */
export type Configuration = OryConfiguration | Auth0Configuration | OidcConfiguration;

/** The resources for which tokens are issued; none where the provider is another one than Ory. */
export function protectedResourcesOf(configuration: Configuration): readonly ProtectedResource[] {
  return configuration.AUTH_PROVIDER === 'ory' ? configuration.PROTECTED_RESOURCES : [];
}

/** The scopes of these resources. */
export function resourceScopesOf(configuration: Configuration): readonly string[] {
  return [...new Set(protectedResourcesOf(configuration).flatMap(({ scopes }) => [...scopes.keys()]))];
}

/** Environment variables of a process. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The environment is invalid. The message lists every problem by variable name, and never shows a value. */
export class ConfigurationError extends StartError {
  override readonly name = 'ConfigurationError';
  /** One line per problem. */
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(
      [
        'The configuration is not valid:',
        ...problems.map((problem) => `  ${problem}`),
        'Each variable is explained in docs/configuration.md.',
      ].join('\n'),
    );
    this.problems = problems;
  }
}

/** The variable's name at the start of a problem. */
function nameIn(problem: string): string {
  return problem.slice(0, problem.indexOf(':'));
}

/** The clients that the bootstrap registers at Hydra. */
const ownOryClients = ['vestibule', 'vestibule-spa'];

const variablesByProvider = { ory: oryVariables, auth0: auth0Variables, oidc: oidcVariables };

/** Parses the environment. @throws {ConfigurationError} listing every problem at once. */
export function loadConfiguration(environment: Environment): Configuration {
  const problems: string[] = [];
  const values = settingsIn(environment, problems);
  const common = commonVariables.safeParse(values);
  const provider = commonVariables.shape.AUTH_PROVIDER.safeParse(values['AUTH_PROVIDER']).data;
  const specific = provider === undefined ? undefined : variablesByProvider[provider].safeParse(values);
  for (const { error } of [common, specific ?? { error: undefined }]) {
    problems.push(...(error?.issues ?? []).map((issue) => describe(issue, values)));
  }
  if (common.success) {
    problems.push(...contradictions(common.data));
    problems.push(...resourceContradictions(common.data, values));
  }
  // The case doesn't matter, so that `Production` isn't ignored.
  if (environment['NODE_ENV']?.trim().toLowerCase() === 'production') {
    // A variable that already has a problem isn't reported again.
    const named = new Set(problems.map(nameIn));
    problems.push(...productionProblems(values).filter((problem) => !named.has(nameIn(problem))));
  }
  if (!common.success || !specific?.success || problems.length > 0) {
    throw new ConfigurationError([...new Set(problems)]);
  }
  const base = withDefaults(common.data);
  switch (common.data.AUTH_PROVIDER) {
    case 'ory': {
      const ory = oryVariables.parse(values);
      return {
        ...base,
        ...ory,
        ALLOWED_CLIENT_IDS: base.ALLOWED_CLIENT_IDS ?? ownOryClients,
        AUTH_PROVIDER: 'ory',
        BACKCHANNEL_LOGOUT_URL: ory.BACKCHANNEL_LOGOUT_URL ?? `${base.PUBLIC_URL}/auth/backchannel-logout`,
        SPA_REDIRECT_URIS: ory.SPA_REDIRECT_URIS ?? [`${base.PUBLIC_URL}/demo`],
      };
    }
    case 'auth0': {
      const auth0 = auth0Variables.parse(values);
      const ALLOWED_CLIENT_IDS = base.ALLOWED_CLIENT_IDS ?? [auth0.AUTH0_CLIENT_ID];
      return { ...base, ...auth0, ALLOWED_CLIENT_IDS, AUTH_PROVIDER: 'auth0' };
    }
    case 'oidc': {
      const oidc = oidcVariables.parse(values);
      const ALLOWED_CLIENT_IDS = base.ALLOWED_CLIENT_IDS ?? [oidc.OIDC_CLIENT_ID];
      return { ...base, ...oidc, ALLOWED_CLIENT_IDS, AUTH_PROVIDER: 'oidc' };
    }
  }
}

function withDefaults(
  common: Common,
): Omit<CommonConfiguration, 'ALLOWED_CLIENT_IDS'> & Pick<Common, 'ALLOWED_CLIENT_IDS'> {
  const url = new URL(common.PUBLIC_URL);
  const port = url.protocol === 'http:' ? Number(url.port === '' ? 80 : url.port) : 3000;
  const dataDir = resolve(common.DATA_DIR);
  return {
    ...common,
    DATA_DIR: dataDir,
    PORT: common.PORT ?? port,
    TOKEN_AUDIENCE: common.TOKEN_AUDIENCE ?? common.PUBLIC_URL,
    DATABASE_URL: common.DATABASE_URL ?? `file:${resolve(dataDir, 'vestibule.db')}`,
    MAIL_FROM: common.MAIL_FROM ?? `no-reply@${url.hostname}`,
    METRICS: common.METRICS ?? (common.METRICS_TOKEN === undefined ? 'off' : 'on'),
  };
}

/** Problems of variables that contradict each other. */
function contradictions(common: Common): string[] {
  const found: string[] = [];
  const { protocol, hostname } = new URL(common.PUBLIC_URL);
  if (protocol === 'http:' && !isLoopbackHost(hostname)) {
    found.push('PUBLIC_URL: must be https, except for localhost and loopback addresses');
  }
  if (common.SESSION_IDLE_TTL > common.SESSION_MAX_TTL) {
    found.push('SESSION_IDLE_TTL: must not be longer than SESSION_MAX_TTL');
  }
  if (common.TOKEN_TTL > common.SESSION_IDLE_TTL) {
    found.push('TOKEN_TTL: must not be longer than SESSION_IDLE_TTL');
  }
  if (common.SIGNAL_TRANSMITTERS.length > 0 && common.AUTH_PROVIDER === 'ory') {
    found.push(
      'SIGNAL_TRANSMITTERS: must not be set with AUTH_PROVIDER=ory, where no transmitter knows the users',
    );
  }
  found.push(...hostContradictions(common));
  const servers = common.REDIS_URL?.length ?? 0;
  const isOneServer = common.REDIS_SENTINEL_MASTER === undefined && !common.REDIS_CLUSTER;
  if (servers === 0 && !isOneServer) {
    found.push('REDIS_URL: is missing, and REDIS_SENTINEL_MASTER or REDIS_CLUSTER is set');
  }
  if (servers > 1 && isOneServer) {
    found.push('REDIS_URL: must be one URL, unless REDIS_SENTINEL_MASTER or REDIS_CLUSTER is set');
  }
  if (common.REDIS_CLUSTER && common.REDIS_URL?.some((url) => Number(new URL(url).pathname.slice(1)) > 0)) {
    found.push('REDIS_URL: must name no database, which a cluster does not have');
  }
  if (common.REDIS_SENTINEL_MASTER !== undefined && common.REDIS_CLUSTER) {
    found.push('REDIS_CLUSTER: must not be true if REDIS_SENTINEL_MASTER is set');
  }
  return found;
}

/** Problems of `PROTECTED_HOSTS` with the gateway's own origin and audience. */
function hostContradictions({ PUBLIC_URL, PROTECTED_HOSTS, TOKEN_AUDIENCE = PUBLIC_URL }: Common): string[] {
  const { host, protocol } = new URL(PUBLIC_URL);
  const isLoopback = ({ pattern }: ProtectedHostRule): boolean =>
    isLoopbackHost(pattern.replace(/:\d+$/, ''));
  const usualPort = protocol === 'https:' ? ':443' : ':80';
  const usual = PROTECTED_HOSTS.findIndex(({ pattern }) => pattern.endsWith(usualPort));
  const exposed = protocol === 'http:' ? PROTECTED_HOSTS.findIndex((rule) => !isLoopback(rule)) : -1;
  const own = PROTECTED_HOSTS.findIndex(({ pattern }) => sharesCookies(pattern, host));
  // A token of that host would be a token of the gateway.
  const isAudience =
    URL.canParse(TOKEN_AUDIENCE) &&
    new ProtectedHosts(PUBLIC_URL, PROTECTED_HOSTS).find(new URL(TOKEN_AUDIENCE).host) !== undefined;
  return [
    ...(own === -1 ? [] : [`PROTECTED_HOSTS: entry ${own + 1} names the host of PUBLIC_URL`]),
    ...(usual === -1
      ? []
      : [
          `PROTECTED_HOSTS: entry ${usual + 1} must not have the port ${usualPort}, which browsers leave out`,
        ]),
    ...(exposed === -1
      ? []
      : [`PROTECTED_HOSTS: entry ${exposed + 1} must be a loopback name while PUBLIC_URL is plain http`]),
    ...(isAudience ? ['TOKEN_AUDIENCE: must not be the origin of a host in PROTECTED_HOSTS'] : []),
  ];
}

/** Problems of `PROTECTED_RESOURCES` with other audiences: tokens of a resource must not be tokens of anything else. */
function resourceContradictions(
  { AUTH_PROVIDER, PUBLIC_URL, PROTECTED_HOSTS, TOKEN_AUDIENCE = PUBLIC_URL }: Common,
  values: Readonly<Record<string, string>>,
): string[] {
  const resources =
    AUTH_PROVIDER === 'ory'
      ? oryVariables.shape.PROTECTED_RESOURCES.safeParse(values['PROTECTED_RESOURCES']).data
      : undefined;
  const hosts = new ProtectedHosts(PUBLIC_URL, PROTECTED_HOSTS);
  return (resources ?? []).flatMap(({ resource }, index) => {
    const { origin, host } = new URL(resource);
    return [
      ...([PUBLIC_URL, TOKEN_AUDIENCE].includes(resource)
        ? [
            `PROTECTED_RESOURCES: entry ${index + 1} is TOKEN_AUDIENCE or PUBLIC_URL, of which tokens are the gateway's own`,
          ]
        : []),
      ...(origin === resource && hosts.find(host) !== undefined
        ? [`PROTECTED_RESOURCES: entry ${index + 1} is the origin of a host in PROTECTED_HOSTS`]
        : []),
    ];
  });
}

/**
 * Picks the known settings from an environment, and reads mounted files (`NAME_FILE`). An empty value counts as not set.
 * @param problems receives a line for each file that can't be read, and for each variable that is set both ways.
 */
export function settingsIn(environment: Environment, problems: string[] = []): Record<string, string> {
  const values: Record<string, string> = {};
  const names = [commonVariables, oryVariables, auth0Variables, oidcVariables].flatMap((object) =>
    Object.keys(object.shape),
  );
  for (const name of names) {
    const direct = environment[name];
    const file = environment[`${name}_FILE`];
    if (direct !== undefined && direct !== '' && file !== undefined && file !== '') {
      problems.push(`${name}: is set twice, by ${name} and by ${name}_FILE`);
    } else if (direct !== undefined && direct !== '') {
      values[name] = direct;
    } else if (file !== undefined && file !== '') {
      const text = textOf(file);
      if (text === undefined) {
        problems.push(`${name}_FILE: the file cannot be read`);
      } else if (text === '') {
        problems.push(`${name}: is empty in the file that ${name}_FILE names`);
      } else {
        values[name] = text;
      }
    }
  }
  return values;
}

/** Text of a mounted file; undefined if it can't be read. */
function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return undefined;
  }
}

function describe(issue: z.core.$ZodIssue, values: Readonly<Record<string, string>>): string {
  const name = String(issue.path[0]);
  return values[name] === undefined ? `${name}: is missing` : `${name}: ${issue.message}`;
}
