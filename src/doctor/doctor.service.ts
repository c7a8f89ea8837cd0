import type { Configuration } from '../platform/config/configuration.js';
import { apiKeysCheck } from './api-keys.check.js';
import { applicationsCheck } from './applications.check.js';
import { administratorCheck, administratorsCheck } from './administrator.check.js';
import { certificateCheck } from './certificate.check.js';
import type { Check, FeatureFindingCode, Observation } from './check.port.js';
import { clockCheck } from './clock.check.js';
import { courierCheck } from './courier.check.js';
import { databaseCheck } from './database.check.js';
import { filesCheck } from './files.check.js';
import { type FindingCode, findingCatalogue } from './finding.catalogue.js';
import type { FindingDefinition } from './finding-definition.js';
import { gatewayCheck } from './gateway.check.js';
import { NoAnswerError, reasonOf, usualLimit, withLimit } from './http.probe.js';
import { hydraClientsCheck } from './hydra-clients.check.js';
import { hydraUrlsCheck } from './hydra-urls.check.js';
import { identifiersCheck } from './identifiers.check.js';
import { issuerCheck } from './issuer.check.js';
import { kratosFlowsCheck } from './kratos-flows.check.js';
import { kratosSessionsCheck } from './kratos-sessions.check.js';
import { mailCheck } from './mail.check.js';
import { namesCheck } from './names.check.js';
import { openIdProviderCheck } from './openid-provider.check.js';
import { oryServerCheck } from './ory-server.check.js';
import { redact } from './finding-redaction.js';
import { redisCheck } from './redis.check.js';
import { secretsCheck } from './secrets.check.js';
import { serviceClientsCheck } from './service-clients.check.js';
import { settingsCheck } from './settings.check.js';

const everywhere: readonly Check[] = [
  settingsCheck,
  secretsCheck,
  filesCheck,
  databaseCheck,
  administratorsCheck,
  namesCheck,
  redisCheck,
  mailCheck,
  clockCheck,
  gatewayCheck,
  certificateCheck,
];

const withOry = [
  oryServerCheck,
  issuerCheck,
  hydraClientsCheck,
  hydraUrlsCheck,
  serviceClientsCheck,
  applicationsCheck,
  kratosFlowsCheck,
  kratosSessionsCheck,
  courierCheck,
  identifiersCheck,
  apiKeysCheck,
  administratorCheck,
] as const;

/** One problem of a deployment, ready to be reported. */
export interface Finding {
  readonly code: FindingCode | FeatureFindingCode;
  readonly severity: 'error' | 'warning';
  readonly title: string;
  /** Specifics of this deployment, without secrets and e-mail addresses. */
  readonly detail: string;
  readonly fix: string;
  readonly fixable: boolean;
}

export interface ExaminationOptions {
  /** Milliseconds that each check may take. Default {@link usualLimit}. */
  readonly limit?: number;
  /** Whether only the cheap checks run, which don't affect a deployment under load. Default false. */
  readonly isCheap?: boolean;
  /** Name of the only check to run. Default all. */
  readonly only?: string;
}

/** Runs the checks that apply to a configuration, in parallel. @returns findings, errors first. */
export async function examine(
  configuration: Configuration,
  { limit = usualLimit, isCheap = false, only }: ExaminationOptions = {},
): Promise<readonly Finding[]> {
  const outcomes = await Promise.all(
    runsFor(configuration)
      .filter((run) => (!isCheap || run.isCheap) && (only === undefined || run.name === only))
      .map(async (run) => observe(run, limit)),
  );
  const observations = outcomes.flat();
  const silent = new Set(
    observations
      .filter(({ code }) => code !== 'check_incomplete')
      .flatMap(({ unreachable }) => unreachable ?? []),
  );
  // A service that doesn't answer is reported once, not again by every check that needs it.
  const said = observations.filter(
    ({ code, unreachable }) =>
      code !== 'check_incomplete' || unreachable === undefined || !silent.has(unreachable),
  );
  const hide = redact(configuration);
  return said
    .map(({ code, detail = '', definition = definitionOf(code) }) => ({
      code,
      ...definition,
      detail: hide(detail),
    }))
    .sort(bySeverity);
}

/** A problem with what the catalogue says about it. @param detail without secrets and e-mail addresses. */
export function finding(code: Observation['code'], detail = ''): Finding {
  return { code, ...definitionOf(code), detail };
}

/** What the catalogue says of a code. @throws {ReferenceError} for one that isn't in it. */
function definitionOf(code: Observation['code']): FindingDefinition {
  const known: Readonly<Record<string, FindingDefinition>> = findingCatalogue;
  const definition = known[code];
  if (definition === undefined) {
    throw new ReferenceError(`${code} is no finding of the catalogue`);
  }
  return definition;
}

interface Run extends Pick<Check, 'name' | 'isCheap'> {
  readonly start: () => Promise<readonly Observation[]>;
}

function runsFor(configuration: Configuration): readonly Run[] {
  const bind = <C extends Configuration>(check: Check<C>, own: C): Run => ({
    ...check,
    start: () => check.run(own),
  });
  return [
    ...everywhere.map((check) => bind(check, configuration)),
    ...(configuration.AUTH_PROVIDER === 'ory'
      ? withOry.map((check) => bind(check, configuration))
      : [bind(openIdProviderCheck, configuration)]),
    ...configuration.features.flatMap(({ feature, settings }) =>
      (settings?.checks() ?? []).map((check) => ({
        ...check,
        start: async () =>
          (await check.run(configuration)).map(({ code, detail = '', ...said }) => ({
            code: `${feature.name}:${code}` as const,
            detail,
            definition: { ...said, fixable: false },
          })),
      })),
    ),
  ];
}

async function observe({ name, start }: Run, limit: number): Promise<readonly Observation[]> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<readonly Observation[]>((resolve) => {
    timer = setTimeout(
      () => resolve([{ code: 'check_incomplete', detail: `${name}: not done within ${limit} ms` }]),
      limit,
    );
  });
  try {
    return await Promise.race([withLimit(limit, start), late]);
  } catch (error) {
    const silence = error instanceof NoAnswerError ? error : undefined;
    const detail = `${name}: ${silence?.message ?? reasonOf(error)}`;
    return [{ code: 'check_incomplete', detail, unreachable: silence?.origin }];
  } finally {
    clearTimeout(timer);
  }
}

function bySeverity(one: Finding, other: Finding): number {
  return one.severity.localeCompare(other.severity) || one.code.localeCompare(other.code);
}
