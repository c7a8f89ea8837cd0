import type { Command } from 'commander';
import { forgetPassword, knownAdmin } from '../launcher/admin-account.js';
import { isAdminPasswordUsed } from '../launcher/admin-password.check.js';
import { planEmbedded } from '../launcher/launch-plan.js';
import { type Environment, loadConfiguration } from '../platform/config/configuration.js';
import { deploymentEnvironment } from './cli-environment.js';
import { CommandError } from '../platform/errors/command.error.js';
import { ownFeatures } from '../app/features.js';

/** Dependencies of the command. */
export interface InitialPasswordSetting {
  readonly environment: Environment;
  /** Prints a line of the result. */
  readonly print: (line: string) => void;
}

/** Adds `vestibule initial-password`, which prints the first administrator's password until it has been used. */
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

async function isUsed(environment: Environment, email: string): Promise<boolean> {
  const { DATABASE_URL } = loadConfiguration(await deploymentEnvironment(environment), ownFeatures);
  return isAdminPasswordUsed(DATABASE_URL, email);
}
