import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { z } from 'zod';
import { StartError } from '../errors/start-errors.js';
import { commonVariables } from './common.variables.js';
import { type Misspelling, misspelledSettings } from './misspelled.settings.js';
import { isPlaceholder, placeholderIn, productionProblems } from './production.check.js';
import { auth0Variables, oidcVariables, oryVariables, oryVariablesWith } from './provider.variables.js';
import type { ConnectionKind } from './connection-kind.js';
import { isLoopbackHost } from '../core/loopback.js';
import type { CoreSettings, Feature, NamedOrg, ReadSettings } from '../features/feature.js';
import { inOrderOfNeeds } from '../features/feature-list.js';

type Common = z.output<typeof commonVariables>;
type Ory = z.output<typeof oryVariables>;

/** Settings with the same meaning under every provider, with defaults applied. Times are in seconds. */
export interface CommonConfiguration extends Omit<Common, 'AUTH_PROVIDER'> {
  readonly PORT: number;
  readonly ALLOWED_CLIENT_IDS: string[];
  readonly TOKEN_AUDIENCE: string;
  readonly DATABASE_URL: string;
  readonly MAIL_FROM: string;
  /** Variables that are set and no settings, but spelled almost like one. */
  readonly misspelled: readonly Misspelling[];
  /** The features of this deployment, in the order in which they may use each other. */
  readonly features: readonly LoadedFeature[];
  /** Features of the program that this provider doesn't have. Operators' files may name what is theirs: they serve other deployments, too. */
  readonly otherFeatures: readonly Feature[];
}

/** A feature that a deployment has, with its settings. */
export interface LoadedFeature {
  readonly feature: Feature;
  readonly settings: ReadSettings | undefined;
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

/** The features of a deployment, in the order in which they may use each other. */
export function featuresOf({ features }: Pick<CommonConfiguration, 'features'>): readonly Feature[] {
  return features.map(({ feature }) => feature);
}

/** The organisations that settings of features name. */
export function orgsNamedIn({ features }: Pick<CommonConfiguration, 'features'>): readonly NamedOrg[] {
  return features.flatMap(({ settings }) => settings?.orgs() ?? []);
}

/** The kinds of connections that features serve, by their names in alphabetical order. */
export function connectionKindsOf({ features = [] }: Pick<CoreSettings, 'features'>): ConnectionKind[] {
  return kindsOf(features.map(({ feature }) => feature));
}

function kindsOf(features: readonly Pick<Feature, 'connectionKind'>[]): ConnectionKind[] {
  return features
    .flatMap(({ connectionKind }) => connectionKind ?? [])
    .toSorted((one, other) => (one.name < other.name ? -1 : 1));
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

/** Names of the core's settings, of every provider. */
const coreNames = [commonVariables, oryVariables, auth0Variables, oidcVariables].flatMap((object) =>
  Object.keys(object.shape),
);

const variablesByProvider = { auth0: auth0Variables, oidc: oidcVariables };

/** Names of all settings, those of features included. */
function settingNames(features: readonly Feature[]): readonly string[] {
  return [...coreNames, ...features.flatMap(({ variables }) => Object.keys(variables.shape))];
}

/**
 * Parses the environment.
 * @param features those that the program has. Default: none, which is what tests of the core need.
 * @throws {ConfigurationError} listing every problem at once. {FeatureError} for features that can't be together.
 */
export function loadConfiguration(
  environment: Environment,
  features: readonly Feature[] = [],
): Configuration {
  const ordered = inOrderOfNeeds(features, coreNames);
  const problems: string[] = [];
  const values = settingsIn(environment, features, problems);
  // What no setting can hold isn't judged by its schema as well.
  const unreadable = new Set(problems.map(nameIn));
  const common = commonVariables.safeParse(values);
  const provider = commonVariables.shape.AUTH_PROVIDER.safeParse(values['AUTH_PROVIDER']).data;
  const chosen = ordered.filter(
    ({ providers }) => provider === undefined || (providers?.includes(provider) ?? true),
  );
  const variables = { ...variablesByProvider, ory: oryVariablesWith(kindsOf(chosen)) };
  const specific = provider === undefined ? undefined : variables[provider].safeParse(values);
  const used = chosen.map((feature) => ({ feature, reading: feature.read(values) }));
  const issues = [common, specific].flatMap((result) => result?.error?.issues ?? []);
  for (const issue of [...issues, ...used.flatMap(({ reading }) => reading.issues)]) {
    if (!unreadable.has(String(issue.path[0]))) {
      problems.push(describe(issue, values));
    }
  }
  if (common.success) {
    const audiences = used.flatMap(({ reading }) => reading.settings?.audiences() ?? []);
    const core = { ...common.data, audiences };
    problems.push(...contradictions(common.data));
    problems.push(...used.flatMap(({ reading }) => reading.settings?.contradictions(core) ?? []));
  }
  // The case doesn't matter, so that `Production` isn't ignored.
  if (environment['NODE_ENV']?.trim().toLowerCase() === 'production') {
    // A variable that already has a problem isn't reported again.
    const named = new Set(problems.map(nameIn));
    const secrets = used.flatMap(({ reading }) => reading.settings?.secrets() ?? []);
    const guessable = secrets.filter(({ kind, text }) => kind !== 'part' && isPlaceholder(text));
    const found = [...productionProblems(values), ...guessable.map(({ name }) => placeholderIn(name))];
    problems.push(...found.filter((problem) => !named.has(nameIn(problem))));
  }
  if (!common.success || !specific?.success || problems.length > 0) {
    throw new ConfigurationError([...new Set(problems)]);
  }
  const base = {
    ...withDefaults(common.data),
    misspelled: misspelledSettings(
      Object.keys(environment).filter((name) => environment[name] !== ''),
      settingNames(features),
    ),
    features: used.map(({ feature, reading }) => ({ feature, settings: reading.settings })),
    otherFeatures: ordered.filter((feature) => !chosen.includes(feature)),
  };
  switch (common.data.AUTH_PROVIDER) {
    case 'ory': {
      const ory = variables.ory.parse(values);
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
): Omit<CommonConfiguration, 'ALLOWED_CLIENT_IDS' | 'misspelled' | 'features' | 'otherFeatures'> &
  Pick<Common, 'ALLOWED_CLIENT_IDS'> {
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

/**
 * Picks the known settings from an environment, and reads mounted files (`NAME_FILE`). An empty value counts as not set.
 * @param features whose settings are read too. @param problems receives a line for each file that can't be read, for each variable that is
 *   set both ways, and for each value that no setting can have.
 */
export function settingsIn(
  environment: Environment,
  features: readonly Feature[],
  problems: string[] = [],
): Record<string, string> {
  const values: Record<string, string> = {};
  for (const name of settingNames(features)) {
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
  for (const [name, text] of Object.entries(values)) {
    if (text.trim() === '') {
      problems.push(`${name}: has nothing but blanks`);
    } else if (controlCharacter.test(text)) {
      problems.push(`${name}: has a control character`);
    }
  }
  return values;
}

/** Any but those between the lines and words of a text. */
const controlCharacter = /[^\P{Cc}\t\r\n]/u;

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
