import type { Command } from 'commander';
import { Problem } from '../platform/errors/problem.error.js';
import { foldIdentifier } from '../platform/core/account-identifier.js';
import type { CliServices } from './cli-context.js';
import type { CliSetting } from './cli.program.js';
import { CommandError } from '../platform/errors/command.error.js';

/**
 * Adds `vestibule users promote`, with which an operator makes a user an administrator, under every provider, and
 * `vestibule users reset-second-factor`.
 * @param users the group of these commands.
 */
export function addUsersCommands(users: Command, { withServices, print }: CliSetting): void {
  users
    .command('promote')
    .argument('<user>', 'verified e-mail address, or the id, of a user who has logged in before')
    .option('--another', 'also where the deployment has an administrator')
    .option('--unverified', 'also if the address of the user, named by id, is not verified')
    .description('make a user an administrator: the first one, unless --another is given')
    .action(async (user: string, options: { another?: true; unverified?: true }) =>
      withServices(async (services) => {
        const id = await findUser(services, user, ', with --unverified');
        const { another = false, unverified = false } = options;
        print(await promote(services, id, { another, unverified }));
      }),
    );
  users
    .command('reset-second-factor')
    .argument('<user>', 'verified e-mail address, or the id, of a user who has lost the second factor')
    .description('remove the second factors of a user at Kratos, and end all sessions')
    .action(async (user: string) =>
      withServices(async (services) => {
        const id = await findUser(services, user);
        // Loaded here, because it needs the provider's code: other commands start without it.
        const { runReset } = await import('./second-factor-reset.js');
        print(await runReset(services, id).catch(asNothingDone));
      }),
    );
}

/** Promotes a user. @returns the message to print. */
async function promote(
  { firstAdministrator, revocations, audit }: CliServices,
  id: string,
  allowed: { readonly another: boolean; readonly unverified: boolean },
): Promise<string> {
  const outcome = await firstAdministrator.promote(id, allowed).catch(asNothingDone);
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

/**
 * Finds a user by id or verified address; an unverified one may be anyone's.
 * @param condition what the command needs besides the id of a user whose address is unverified. @returns the user's id.
 */
async function findUser({ users }: CliServices, user: string, condition = ''): Promise<string> {
  if (!user.includes('@')) {
    return (await users.require(user).catch(asNothingDone)).id;
  }
  const [found, other] = await users.listVerified(foldIdentifier(user));
  if (found === undefined) {
    const unverified = await users.findByEmail(foldIdentifier(user));
    throw new CommandError(
      unverified === undefined
        ? 'No user has this address, verified. They must log in once; or name them by their id.'
        : `The user of this address has not verified it. They must open the link in the mail; or name them by their id${condition}.`,
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
