import type { Command } from 'commander';
import { type Environment, loadConfiguration } from '../config/configuration.js';
import { DatabaseConnection } from '../database/database.connection.js';
import { forgetPassword, knownAdmin } from '../embedded/admin.account.js';
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
      const isUsed = admin?.password !== undefined && (await hasLoggedIn(environment, admin.email));
      if (admin?.password === undefined || isUsed) {
        if (isUsed) {
          await forgetPassword(dataDir, admin.email);
        }
        throw new CommandError(
          'There is no initial password: it was used, or an operator set ADMIN_PASSWORD, or nothing was started here yet.',
        );
      }
      print(`${admin.email}  ${admin.password}`);
    });
}

/** Whether a user with this address has a session, or had one that is not forgotten yet. */
async function hasLoggedIn(environment: Environment, email: string): Promise<boolean> {
  const { DATABASE_URL } = loadConfiguration(await deploymentEnvironment(environment));
  const connection = new DatabaseConnection(DATABASE_URL);
  try {
    const row = await connection.query
      .selectFrom('sessions')
      .innerJoin('users', 'users.id', 'sessions.user_id')
      .select('sessions.id')
      .where('users.email', '=', email)
      .executeTakeFirst();
    return row !== undefined;
  } finally {
    await connection.close();
  }
}
