import type { Command } from 'commander';
import type { Environment } from '../config/configuration.js';
import { hasLoggedIn, knownAdmin } from '../embedded/admin.account.js';
import { planEmbedded } from '../embedded/launch.plan.js';
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
      const { dataDir, configuration } = planEmbedded(environment);
      const admin = await knownAdmin(dataDir);
      if (admin?.password === undefined || (await hasLoggedIn(configuration.DATABASE_URL, admin.email))) {
        throw new CommandError(
          'There is no initial password: it was used, or an operator set ADMIN_PASSWORD, or nothing was started here yet.',
        );
      }
      print(`${admin.email}  ${admin.password}`);
    });
}
