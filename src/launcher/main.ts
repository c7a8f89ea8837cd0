// The program behind `npm start`. It runs Ory and the gateway, or the gateway alone if Ory isn't embedded.
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';
import { createProgress } from '../../scripts/progress.mjs';
import { loadEnvFile } from '../platform/config/env-file.js';
import { launchEmbedded } from './embedded-launcher.js';
import { launchGateway } from './gateway-launcher.js';
import { LaunchError } from './launch.error.js';
import { isEmbedded } from './launch-plan.js';

const gatewayProgram = new URL('../main.js', import.meta.url);

/**
 * A small nursery of V8 for a gateway that shares a small machine with Ory: 26 MB less, and no more work for a request
 * (docs/adr/0004-embedded-ory.md, "Start and memory").
 */
const smallGateway = ['--max-semi-space-size=2'];

/** Milliseconds within which a second signal counts as the same: npm repeats one that the terminal sent to the whole group. */
const repeatAfterMs = 1000;
const parentCheckMs = 500;

// Only this user can read files that this process and its children create.
process.umask(0o077);
loadEnvFile((line) => process.stderr.write(`${line}\n`));
// Ory and the gateway go on where this output can't be written any more: its reader is gone, or the disk is full.
process.stdout.on('error', () => undefined);
endWithNpm();
await run();

/** Ends this process once npm is gone: npm doesn't pass on a signal that only it receives (from kill or a supervisor). */
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
      // All children are killed together with this process.
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
    const embeds = isEmbedded(environment);
    const flags = embeds ? smallGateway : [];
    const gateway = { command: process.execPath, args: [...flags, fileURLToPath(gatewayProgram)] };
    const launch = embeds ? launchEmbedded : launchGateway;
    launched = await launch({ environment, gateway, progress: createProgress() });
  } catch (error) {
    if (!(error instanceof LaunchError)) {
      throw error;
    }
    process.stderr.write(`\n${error.message}\n`);
    process.exitCode = error.exitCode;
  }
}
