// The program behind `npm start`: Ory and the gateway together, or the gateway alone where Ory isn't to be run here.
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';
import { createProgress } from '../../scripts/progress.mjs';
import { launchEmbedded } from './embedded.launcher.js';
import { launchGateway } from './gateway.launcher.js';
import { LaunchError } from './launch.error.js';
import { isEmbedded } from './launch.plan.js';

const gatewayProgram = new URL('../main.js', import.meta.url);

/** npm passes on a signal that a terminal has sent to the whole group already: what comes sooner is the same one. */
const repeatAfterMs = 1000;
const parentCheckMs = 500;

// Whatever this process and its children make is its user's alone.
process.umask(0o077);
// What is set already wins over the file.
if (existsSync('.env')) {
  process.loadEnvFile('.env');
}
endWithNpm();
await run();

/** npm doesn't pass on a signal that ends it alone (kill, a supervisor): once it's gone, this process ends as well. */
function endWithNpm(): void {
  const npm = process.ppid;
  if (process.env['npm_lifecycle_event'] !== undefined) {
    setInterval(() => {
      if (process.ppid !== npm) {
        process.kill(process.pid, 'SIGTERM');
      }
    }, parentCheckMs).unref();
  }
}

async function run(): Promise<void> {
  let launched: { stop(): Promise<void> } | undefined;
  let stoppingSince: number | undefined;

  const interrupt = (signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP') => {
    if (
      launched === undefined ||
      (stoppingSince !== undefined && Date.now() - stoppingSince > repeatAfterMs)
    ) {
      // Whatever runs is tied to this process and is killed with it.
      process.exit(128 + constants.signals[signal]);
    }
    if (stoppingSince === undefined) {
      stoppingSince = Date.now();
      process.stdout.write('stopping\n');
      launched.stop().then(
        () => process.exit(0),
        () => process.exit(1),
      );
    }
  };
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt).on('SIGHUP', interrupt);

  try {
    const environment = process.env;
    const program = { command: process.execPath, args: [fileURLToPath(gatewayProgram)] };
    const terminal = createProgress();
    launched = isEmbedded(environment)
      ? await launchEmbedded({ environment, gateway: program, progress: terminal })
      : await launchGateway({ environment, program, terminal });
  } catch (error) {
    if (!(error instanceof LaunchError)) {
      throw error;
    }
    process.stderr.write(`\n${error.message}\n`);
    process.exitCode = error.exitCode;
  }
}
