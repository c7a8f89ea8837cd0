import type { Command } from 'commander';
import { type Environment, loadConfiguration } from '../config/configuration.js';
import { forgetPassword, knownAdmin } from '../embedded/admin.account.js';
import { readAdminState } from './admin.state.js';
import { planEmbedded } from '../embedded/launch.plan.js';
import { deploymentEnvironment } from './cli.environment.js';
import { CommandError } from './command.error.js';

/** What the command needs from outside. */
export interface InitialPasswordSetting {
  readonly environment: Environment;
  /** Prints a line of the result. */
  readonly print: (line: string) => void;
}

/** Adds `vestibule initial-password`: the first administrator's, as long as it has not been used. */
export function addInitialPasswordCommand(
  program: Command,
  { environment, print }: InitialPasswordSetting,
): void {
  program
    .command('initial-password')
    .description("the first administrator's password of `npm start`, until their first login")
    .action(async () => {
      const { dataDir } = planEmbedded(environment);
      const admin = await knownAdmin(dataDir);
      const isOver = admin?.password !== undefined && (await isUsed(environment, admin.email));
      if (admin?.password === undefined || isOver) {
        if (isOver) {
          await forgetPassword(dataDir, admin.email);
        }
        throw new CommandError(
          'There is no initial password: it was used, or an operator set ADMIN_PASSWORD, or nothing was started here yet.',
        );
      }
      print(`${admin.email}  ${admin.password}`);
    });
}

/** Whether the account that was made has logged in, or is no administrator any more. */
async function isUsed(environment: Environment, email: string): Promise<boolean> {
  const { DATABASE_URL } = loadConfiguration(await deploymentEnvironment(environment));
  return (await readAdminState(DATABASE_URL, email)) === 'past';
}
