import { Command, InvalidArgumentError } from 'commander';
import { isId } from '../platform/core/id.schema.js';
import { version } from '../platform/core/version.js';
import type { FeatureKeys, OpenKeys } from '../platform/features/command-line.js';
import type { CliServices } from './cli-context.js';
import { ofSessions } from '../directory/audit/audit-event.js';
import { CommandError } from '../platform/errors/command.error.js';

const endedByOperator = 'ended_by_operator';

/** Dependencies of the program. */
export interface CliSetting {
  /** Runs work with the deployment's services, whose code is loaded then: other commands start without it. */
  readonly withServices: (work: (services: CliServices) => Promise<void>) => Promise<void>;
  /** The keys of features, which are opened when a command needs them. */
  readonly featureKeys: readonly OpenKeys[];
  /** Prints a line. */
  readonly print: (line: string) => void;
}

/** Creates the `vestibule` command. */
export function createProgram({ withServices, print, featureKeys }: CliSetting): Command {
  const program = new Command('vestibule')
    .description(
      'Log in to a Vestibule from the command line; and, with the environment of a deployment, commands for its operator.',
    )
    .version(version, '--version', 'print the version')
    .showHelpAfterError();

  program
    .command('migrate')
    .description("bring the database up to date; a gateway's start does the same")
    .action(async () => withServices(async () => print('The database is up to date.')));

  const opened = async ({ context }: CliServices): Promise<readonly FeatureKeys[]> =>
    Promise.all(featureKeys.map(async (open) => open(context)));
  const keys = program.command('keys').description('the keys that sign tokens and security events');
  keys
    .command('list')
    .description('every key: id, algorithm, state, and since when')
    .action(async () =>
      withServices(async (services) => {
        const show = (kid: string, alg: string, state: string, since: number): void =>
          print(`${kid}  ${alg.padEnd(5)}  ${state.padEnd(7)}  ${new Date(since).toISOString()}`);
        for (const key of await services.keys.list()) {
          show(key.kid, key.alg, key.state, key.retired_at ?? key.activated_at ?? key.created_at);
        }
        for (const others of await opened(services)) {
          (await others.list()).forEach(({ kid, alg, state, since }) => show(kid, alg, state, since));
        }
      }),
    );
  keys
    .command('rotate')
    .description('have the next key sign from now on; nobody is logged out')
    .action(async () =>
      withServices(async (services) => {
        const { rotation, audit } = services;
        if (!(await rotation.rotate())) {
          throw new CommandError('Another replica rotated the keys at the same moment.');
        }
        for (const others of await opened(services)) {
          await others.rotate();
        }
        await audit.record({ type: 'key_rotated' });
        print('The next key signs from now on.');
      }),
    );
  keys
    .command('revoke')
    .argument('<kid>', 'id of the key, as `keys list` shows it')
    .description('emergency: believe nothing that this key signed, on every replica within seconds')
    .action(async (kid: string) =>
      withServices(async (services) => {
        const { rotation, audit } = services;
        if (await rotation.revoke(kid)) {
          await audit.record({ type: 'key_revoked' });
          print('The key is revoked. Everyone whose token it signed logs in again.');
          return;
        }
        for (const others of await opened(services)) {
          if (await others.revoke(kid)) {
            await audit.record({ type: 'key_revoked' });
            print('The key is revoked. Another one signs security events from now on.');
            return;
          }
        }
        throw new CommandError('There is no such key, or it was revoked before.');
      }),
    );

  const revoke = program.command('revoke').description('end what is logged in, on every replica');
  revoke
    .command('session')
    .argument('<id>', 'the `sid` of its tokens', parseUuid)
    .description('end one session')
    .action(async (id: string) =>
      endSessions(async ({ revocations }) => {
        const [ended] = await revocations.endSessions({ id }, endedByOperator);
        return { userId: ended?.user_id, ids: ended === undefined ? [] : [id] };
      }),
    );
  revoke
    .command('user')
    .argument('<id>', 'the `sub` of their tokens', parseUuid)
    .description('end every session of a user')
    .action(async (userId: string) =>
      endSessions(async ({ revocations }) => ({
        userId,
        ids: await revocations.endSessionsOf({ userId }, endedByOperator),
      })),
    );
  revoke
    .command('org')
    .argument('<id>', 'the `org.id` of its tokens', parseUuid)
    .description("make the tokens of an organisation's members so far invalid; cookies are renewed")
    .action(async (id: string) =>
      withServices(async ({ revocations, audit }) => {
        await revocations.invalidate('org', id);
        await audit.record({ type: 'tokens_revoked', reason: 'org' });
        print('Tokens that were made for this organisation so far are refused.');
      }),
    );
  revoke
    .command('everything')
    .option('--before <time>', 'only sessions that began before this moment (ISO 8601)', parseTime)
    .description('end every session of everybody')
    .action(async (options: { before?: number }) =>
      withServices(async ({ revocations, audit }) => {
        const moment = options.before ?? Date.now();
        await revocations.endEverythingBefore(moment);
        await audit.record({ type: 'tokens_revoked', reason: 'everything' });
        print(`Every session that began before ${new Date(moment).toISOString()} is over.`);
      }),
    );

  /** Ends sessions, and prints how many. @param end ends them. @returns their user, and their ids. */
  async function endSessions(
    end: (
      services: CliServices,
    ) => Promise<{ readonly userId: string | undefined; readonly ids: readonly string[] }>,
  ): Promise<void> {
    await withServices(async (services) => {
      const { userId, ids } = await end(services);
      if (ids.length === 0) {
        throw new CommandError('There is no live session of that id.');
      }
      const reason = endedByOperator;
      await services.audit.record({ type: 'session_ended', userId, ...ofSessions(ids), reason });
      print(`Sessions ended: ${ids.length}.`);
    });
  }

  return program;
}

function parseUuid(text: string): string {
  if (!isId(text)) {
    throw new InvalidArgumentError('It must be a UUID.');
  }
  return text.toLowerCase();
}

/** Parses a time. @returns milliseconds since the epoch. */
function parseTime(text: string): number {
  const moment = Date.parse(text);
  if (!/^\d{4}-\d{2}-\d{2}(?:T|$)/.test(text) || Number.isNaN(moment)) {
    throw new InvalidArgumentError('It must be a time such as 2026-01-31T12:00:00Z.');
  }
  return moment;
}
