import type { Configuration } from '../config/configuration.js';
import { administratorCheck } from './administrator.check.js';
import { administratorsCheck } from './administrators.check.js';
import { certificateCheck } from './certificate.check.js';
import type { Check, FindingDefinition, Observation } from './check.port.js';
import { clockCheck } from './clock.check.js';
import { courierCheck } from './courier.check.js';
import { databaseCheck } from './database.check.js';
import { filesCheck } from './files.check.js';
import { type FindingCode, findingCatalogue } from './finding.catalogue.js';
import { gatewayCheck } from './gateway.check.js';
import { NoAnswerError, reasonOf } from './http.probe.js';
import { hydraClientsCheck } from './hydra-clients.check.js';
import { hydraUrlsCheck } from './hydra-urls.check.js';
import { issuerCheck } from './issuer.check.js';
import { kratosFlowsCheck } from './kratos-flows.check.js';
import { mailCheck } from './mail.check.js';
import { openIdProviderCheck } from './openid-provider.check.js';
import { oryServerCheck } from './ory-server.check.js';
import { redact } from './finding.redaction.js';
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
  kratosFlowsCheck,
  courierCheck,
  administratorCheck,
] as const;

/** One thing that is wrong. */
export interface Finding {
  readonly code: FindingCode;
  readonly severity: 'error' | 'warning';
  readonly title: string;
  /** What is meant in this deployment, without secrets and addresses of people. */
  readonly detail: string;
  readonly fix: string;
  readonly fixable: boolean;
}

export interface ExaminationOptions {
  /** Milliseconds that each check may take. Default 2000. */
  readonly limit?: number;
  /** Only what is cheap and has no effect at all on a deployment under load. Default false. */
  readonly isCheap?: boolean;
  /** Only this check, by its name. Default all. */
  readonly only?: string;
}

const usualLimit = 2000;

/** Looks at everything that can be looked at from here, in parallel. @returns errors first. */
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
  // Who doesn't answer is said once, and not again by everybody who wanted to ask there.
  const said = observations.filter(
    ({ code, unreachable }) =>
      code !== 'check_incomplete' || unreachable === undefined || !silent.has(unreachable),
  );
  const hide = redact(configuration);
  return said.map((observation) => toFinding(observation, hide)).sort(bySeverity);
}

/** What an environment that can't be used is, as findings. @param problems one a line, by variable name. */
export function configurationFindings(problems: readonly string[]): readonly Finding[] {
  return problems.map((detail) => toFinding({ code: 'configuration_invalid', detail }, (text) => text));
}

/** One finding that isn't a check's. */
export function finding(code: FindingCode, detail = ''): Finding {
  return toFinding({ code, detail }, (text) => text);
}

interface Run {
  readonly name: string;
  readonly isCheap: boolean;
  readonly start: () => Promise<readonly Observation[]>;
}

function runsFor(configuration: Configuration): readonly Run[] {
  const bind = <C extends Configuration>(check: Check<C>, own: C): Run => ({
    name: check.name,
    isCheap: check.isCheap,
    start: () => check.run(own),
  });
  return [
    ...everywhere.map((check) => bind(check, configuration)),
    ...(configuration.AUTH_PROVIDER === 'ory'
      ? withOry.map((check) => bind(check, configuration))
      : [bind(openIdProviderCheck, configuration)]),
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
    return await Promise.race([start(), late]);
  } catch (error) {
    const detail = `${name}: ${error instanceof NoAnswerError ? error.message : reasonOf(error)}`;
    return [
      {
        code: 'check_incomplete',
        detail,
        ...(error instanceof NoAnswerError ? { unreachable: error.origin } : {}),
      },
    ];
  } finally {
    clearTimeout(timer);
  }
}

function toFinding({ code, detail = '' }: Observation, hide: (text: string) => string): Finding {
  const definition: FindingDefinition = findingCatalogue[code];
  const { severity, title, fix, fixable } = definition;
  return { code, severity, title, detail: hide(detail), fix, fixable: fixable === true };
}

function bySeverity(one: Finding, other: Finding): number {
  return one.severity.localeCompare(other.severity) || one.code.localeCompare(other.code);
}
