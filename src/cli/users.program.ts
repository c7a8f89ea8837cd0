import type { Command } from 'commander';
import { Problem } from '../platform/errors/problem.error.js';
import type { CliServices } from './cli.context.js';
import type { CliSetting } from './cli.program.js';
import { CommandError } from './command.error.js';
import { type UserImportSetting, addUserImportCommand } from './user-import.program.js';

/**
 * Adds `vestibule users promote`, with which an operator makes a user an administrator, under every provider, and
 * `vestibule users import`.
 */
export function addUsersCommand(program: Command, setting: CliSetting & UserImportSetting): void {
  const { withServices, print } = setting;
  const users = program.command('users').description('the users of the deployment');
  addUserImportCommand(users, setting);
  users
    .command('promote')
    .argument('<user>', 'verified e-mail address, or the id, of a user who has logged in before')
    .option('--another', 'also where the deployment has an administrator')
    .description('make a user an administrator: the first one, unless --another is given')
    .action(async (user: string, { another = false }: { another?: boolean }) =>
      withServices(async (services) => {
        const id = await findUser(services, user);
        print(await promote(services, id, another));
      }),
    );
}

/** Promotes a user. @returns the message to print. */
async function promote(
  { firstAdministrator, revocations, audit }: CliServices,
  id: string,
  another: boolean,
): Promise<string> {
  const outcome = await firstAdministrator.promote(id, another).catch(asNothingDone);
  if (outcome === 'is_administrator') {
    return 'This user is an administrator already.';
  }
  await revocations.invalidate('user', id);
  await audit.record({
    ...(outcome === 'first'
      ? { type: 'administrator_created', reason: 'by_operator' }
      : { type: 'role_changed', reason: 'to_admin' }),
    userId: id,
    actor: { id: null, credential: 'operator' },
  });
  return 'The user is an administrator now.';
}

/** Finds a user by id or verified address; an unverified one may be anyone's. @returns the user's id. */
async function findUser({ users }: CliServices, user: string): Promise<string> {
  if (!user.includes('@')) {
    return (await users.require(user).catch(asNothingDone)).id;
  }
  const [found, other] = await users.listVerified(user.toLowerCase());
  if (found === undefined) {
    const unverified = await users.findByEmail(user.toLowerCase());
    throw new CommandError(
      unverified === undefined
        ? 'No user has this address, verified. They must log in once; or name them by their id.'
        : 'The user of this address has not verified it. They must open the link in the mail; or name them by their id.',
    );
  }
  if (other !== undefined) {
    throw new CommandError('Several users have this address: name one by their id.');
  }
  return found.id;
}

function asNothingDone(error: unknown): never {
  if (error instanceof Problem && error.code === 'not_found') {
    throw new CommandError('There is no user of that id.');
  }
  if (error instanceof Problem && error.reason === 'administrator_exists') {
    throw new CommandError(
      'The deployment has an administrator, who can make others. To make one all the same, add --another.',
    );
  }
  if (error instanceof Problem && error.code === 'conflict') {
    throw new CommandError(error.detail ?? error.definition.title);
  }
  throw error;
}
