import {
  type Configuration,
  type Environment,
  ConfigurationError,
  loadConfiguration,
} from '../platform/config/configuration.js';
import { type ConnectTo, withConnectTo } from '../doctor/connect-to-context.js';
import { type Finding, examine, finding } from '../doctor/doctor.service.js';
import { isOwnGateway, repair } from '../doctor/repair.service.js';
import { telemetryIn } from '../doctor/telemetry.check.js';
import { LaunchError } from '../launcher/launch.error.js';
import { runningEnvironment } from './cli-environment.js';
import { CommandError } from '../platform/errors/command.error.js';
import { ownFeatures } from '../app/features.js';

/** What to examine, and how. */
export interface ExaminationOptions {
  /** Whether to repair what a start of the gateway would. */
  readonly fix?: true;
  /** Paths of settings files of Kratos and Hydra. */
  readonly orySettings?: readonly string[];
  /** Milliseconds that each check may take. */
  readonly timeout?: number;
  /** Host and port at which the gateway's proxy is reached from here. */
  readonly connectTo?: Pick<ConnectTo, 'hostname' | 'port'>;
}

/** Examines the deployment of this environment, and repairs it where asked to. @throws {CommandError} if a repair fails. */
export async function examineDeployment(
  environment: Environment,
  options: ExaminationOptions,
): Promise<readonly Finding[]> {
  const telemetry = await telemetryIn(options.orySettings ?? []);
  return [
    ...(await examineServices(environment, options)),
    ...telemetry.map(({ code, detail }) => finding(code, detail)),
  ];
}

async function examineServices(
  environment: Environment,
  options: ExaminationOptions,
): Promise<readonly Finding[]> {
  try {
    const running = await runningEnvironment(environment);
    if (running === undefined) {
      return [finding('embedded_not_running')];
    }
    const configuration = loadConfiguration(running, ownFeatures);
    const check = () => checkAndRepair(configuration, options);
    const { connectTo } = options;
    return await (connectTo === undefined
      ? check()
      : withConnectTo({ origin: configuration.PUBLIC_URL, ...connectTo }, check));
  } catch (error) {
    const cause = error instanceof LaunchError ? error.cause : error;
    if (cause instanceof ConfigurationError) {
      return cause.problems.map((problem) => finding('configuration_invalid', problem));
    }
    throw error;
  }
}

async function checkAndRepair(
  configuration: Configuration,
  { fix, timeout }: ExaminationOptions,
): Promise<readonly Finding[]> {
  const limit = timeout === undefined ? {} : { limit: timeout };
  const findings = await examine(configuration, limit);
  if (fix !== true || !findings.some(({ fixable }) => fixable)) {
    return findings;
  }
  if (!(await isOwnGateway(configuration))) {
    return [finding('repair_refused'), ...findings];
  }
  await repair(configuration, findings).catch((error: unknown) => {
    throw new CommandError('The repair failed. Run the command without --fix to see what is in the way.', {
      cause: error,
    });
  });
  return examine(configuration, limit);
}
