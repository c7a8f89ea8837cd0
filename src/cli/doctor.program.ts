import { type Command, InvalidArgumentError } from 'commander';
import type { Environment } from '../platform/config/configuration.js';
import { hasErrors, renderReport } from '../doctor/finding-report.js';
import type { ExaminationOptions } from './doctor-examination.js';

/** Dependencies of the command. */
export interface DoctorSetting {
  readonly environment: Environment;
  /** Prints a line of the result. */
  readonly print: (line: string) => void;
  /** Called if there are errors: the process must end with code 1. */
  readonly fail: () => void;
}

interface DoctorOptions extends ExaminationOptions {
  readonly json?: true;
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
    .option('--timeout <seconds>', 'how long each check may take (default: 10)', parseSeconds)
    .option(
      '--connect-to <host:port>',
      "where the gateway's proxy is reached, if PUBLIC_URL can't be reached from here",
      parseAddress,
    )
    .option('--ory-settings <files...>', 'settings of your own Kratos and Hydra: is their telemetry off')
    .action(async (options: DoctorOptions) => {
      // Loaded here, because the checks need most of the gateway's code: other commands start without it.
      const { examineDeployment } = await import('./doctor-examination.js');
      const findings = await examineDeployment(setting.environment, options);
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

/** Parses a host and a port. */
function parseAddress(text: string): NonNullable<ExaminationOptions['connectTo']> {
  const { hostname, port } = URL.canParse(`tcp://${text}`)
    ? new URL(`tcp://${text}`)
    : { hostname: '', port: '' };
  if (hostname === '' || port === '' || `${hostname}:${port}` !== text) {
    throw new InvalidArgumentError('It must be a host and a port, such as proxy:8443.');
  }
  return { hostname: hostname.replace(/^\[|\]$/g, ''), port: Number(port) };
}

/** Parses seconds. @returns milliseconds. */
function parseSeconds(text: string): number {
  const seconds = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  if (seconds < 1) {
    throw new InvalidArgumentError('It must be a number of seconds from 1 to 999.');
  }
  return seconds * 1000;
}
