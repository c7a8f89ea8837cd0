import type { Command } from 'commander';
import { readDatabase } from '../doctor/database.check.js';
import { forgetPassword, knownAdmin } from '../launcher/admin.account.js';
import { planEmbedded } from '../launcher/launch.plan.js';
import { type Environment, loadConfiguration } from '../platform/config/configuration.js';
import { deploymentEnvironment } from './cli.environment.js';
import { CommandError } from './command.error.js';

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

/**
 * Whether the first administrator has logged in, or there is no longer an administrator with this address. False before there has
 * been one, and if the database can't be read.
 */
async function isUsed(environment: Environment, email: string): Promise<boolean> {
  const { DATABASE_URL } = loadConfiguration(await deploymentEnvironment(environment));
  const isPast = await readDatabase(DATABASE_URL, async (query) => {
    const made = await query.selectFrom('milestones').select('name').limit(1).executeTakeFirst();
    const unused = await query
      .selectFrom('users')
      .select('id')
      .where('email', '=', email.toLowerCase())
      .where('role', '=', 'admin')
      .where('last_login_at', 'is', null)
      .executeTakeFirst();
    return made !== undefined && unused === undefined;
  });
  return isPast === true;
}
