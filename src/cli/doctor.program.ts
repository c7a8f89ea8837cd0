import { type Command, InvalidArgumentError } from 'commander';
import {
  type Configuration,
  type Environment,
  ConfigurationError,
  loadConfiguration,
} from '../platform/config/configuration.js';
import { type Detour, withDetour } from '../doctor/detour.js';
import { type Finding, examine, finding } from '../doctor/doctor.service.js';
import { hasErrors, renderReport } from '../doctor/finding.report.js';
import { isOwnGateway, repair } from '../doctor/repair.service.js';
import { telemetryIn } from '../doctor/telemetry.check.js';
import { LaunchError } from '../launcher/launch.error.js';
import { runningEnvironment } from './cli.environment.js';
import { CommandError } from './command.error.js';

/** Dependencies of the command. */
export interface DoctorSetting {
  readonly environment: Environment;
  /** Prints a line of the result. */
  readonly print: (line: string) => void;
  /** Called if there are errors: the process must end with code 1. */
  readonly fail: () => void;
}

interface DoctorOptions {
  readonly json?: true;
  readonly fix?: true;
  /** Paths of settings files of Kratos and Hydra. */
  readonly orySettings?: readonly string[];
  /** Milliseconds that each check may take. */
  readonly timeout?: number;
  /** Host and port at which the gateway's proxy is reached from here. */
  readonly connectTo?: Pick<Detour, 'hostname' | 'port'>;
}

/** Adds `vestibule doctor`. */
export function addDoctorCommand(program: Command, setting: DoctorSetting): void {
  program
    .command('doctor')
    .description('what is wrong with this deployment, and what to do about it')
    .option('--json', 'print {ok, findings} as JSON')
    .option(
      '--fix',
      'repair what a start of the gateway would: our clients at Hydra, the schema of the database',
    )
    .option('--timeout <seconds>', 'how long each check may take (default: 2)', parseSeconds)
    .option(
      '--connect-to <host:port>',
      "where the gateway's proxy is reached, if PUBLIC_URL can't be reached from here",
      parseAddress,
    )
    .option('--ory-settings <files...>', 'settings of your own Kratos and Hydra: is their telemetry off')
    .action(async (options: DoctorOptions) => {
      const telemetry = await telemetryIn(options.orySettings ?? []);
      const findings = [
        ...(await look(setting.environment, options)),
        ...telemetry.map(({ code, detail }) => finding(code, detail)),
      ];
      if (options.json === true) {
        setting.print(JSON.stringify({ ok: !hasErrors(findings), findings }, undefined, 2));
      } else {
        renderReport(findings).forEach(setting.print);
      }
      if (hasErrors(findings)) {
        setting.fail();
      }
    });
}

async function look(environment: Environment, options: DoctorOptions): Promise<readonly Finding[]> {
  try {
    const running = await runningEnvironment(environment);
    if (running === undefined) {
      return [finding('embedded_not_running')];
    }
    const configuration = loadConfiguration(running);
    const check = () => checkAndRepair(configuration, options);
    const { connectTo } = options;
    return await (connectTo === undefined
      ? check()
      : withDetour({ origin: configuration.PUBLIC_URL, ...connectTo }, check));
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
  { fix, timeout }: DoctorOptions,
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

/** Parses a host and a port. */
function parseAddress(text: string): Pick<Detour, 'hostname' | 'port'> {
  const { hostname, port } = URL.canParse(`tcp://${text}`)
    ? new URL(`tcp://${text}`)
    : { hostname: '', port: '' };
  if (hostname === '' || port === '' || `${hostname}:${port}` !== text) {
    throw new InvalidArgumentError('It must be a host and a port, such as proxy:8443.');
  }
  return { hostname, port: Number(port) };
}

/** Parses seconds. @returns milliseconds. */
function parseSeconds(text: string): number {
  const seconds = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  if (seconds < 1) {
    throw new InvalidArgumentError('It must be a number of seconds from 1 to 999.');
  }
  return seconds * 1000;
}
