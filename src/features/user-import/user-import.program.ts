import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { InvalidArgumentError, Option } from 'commander';
import { CommandError } from '../../platform/errors/command.error.js';
import type { CommandLine, DeploymentServices } from '../../platform/features/command-line.js';
import type { ImportFiles } from './user-import.js';

interface ImportCommandOptions {
  readonly format?: string;
  readonly from?: string;
  readonly passwords?: string;
  readonly firebaseHashConfig?: string;
  readonly administrators?: true;
  readonly withoutPassword?: true;
  readonly dryRun?: true;
  readonly concurrency: number;
}

/** Adds `users import`, which creates the users of another system's export at Kratos, with their passwords. */
export function addUserImportCommand(line: CommandLine): void {
  line.users
    .command('import')
    .argument('[file]', "the other system's export, as it is or gzipped; default: standard input", '-')
    .description('create users at Kratos with their password hashes, and keep who they are here')
    .addOption(
      new Option('--format <format>', 'what the file is; default: what it looks like').choices([
        'vestibule',
        'auth0',
        'keycloak',
        'firebase',
      ]),
    )
    .option(
      '--from <issuer>',
      'issuer at which these users have logged in here so far; `none` if they have never been here',
    )
    .option('--passwords <file>', "Auth0's export of password hashes, if <file> is its export of users")
    .option(
      '--firebase-hash-config <file>',
      "hash parameters of the Firebase project, as its console shows them; the file is then Firebase's",
    )
    .option('--administrators', 'also users who are administrators here')
    .option('--without-password', 'also users without a password: they log in with a recovery code')
    .option('--dry-run', 'print what would become of each line, and write nothing')
    .option(
      '--concurrency <number>',
      'calls to Kratos at a time, each with 200 users; more than one for PostgreSQL only',
      parseConcurrency,
      1,
    )
    .addHelpText(
      'after',
      `
Run it again at any time: who was imported is skipped. Ctrl-C ends it between two batches.
Refused lines go to standard output, with their reason; progress to standard error.
Exit code: 0 if every line was imported or skipped, 1 if not or if the file has no users, 69 if Kratos or the database can't be reached.
Formats and limits: docs/importing-users.md.`,
    )
    .action(async (file: string, options: ImportCommandOptions) =>
      line.withServices(async (services) => importUsers(services, file, options, line)),
    );
}

async function importUsers(
  services: DeploymentServices,
  file: string,
  options: ImportCommandOptions,
  { print, tell, fail }: CommandLine,
): Promise<void> {
  // Loaded here, because it needs the provider's code: other commands start without it.
  const { runImport } = await import('./user-import.js');
  const interruption = new AbortController();
  const interrupt = (): void => {
    tell('Ending after this batch …');
    interruption.abort();
  };
  // A second Ctrl-C ends the process at once.
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  try {
    const isComplete = await runImport(services, {
      files: await openFiles(file, options),
      format: options.format,
      from: options.from,
      movesAdministrators: options.administrators === true,
      takesPasswordless: options.withoutPassword === true,
      isDryRun: options.dryRun === true,
      concurrency: options.concurrency,
      interrupted: interruption.signal,
      print,
      tell,
    });
    if (!isComplete) {
      fail();
    }
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  }
}

async function openFiles(file: string, options: ImportCommandOptions): Promise<ImportFiles> {
  const { passwords, firebaseHashConfig } = options;
  return {
    users: file === '-' ? process.stdin : await open(file),
    passwords: passwords === undefined ? undefined : await open(passwords),
    firebaseHashing:
      firebaseHashConfig === undefined
        ? undefined
        : await readFile(firebaseHashConfig, 'utf8').catch((error: unknown) =>
            unreadable(firebaseHashConfig, error),
          ),
  };
}

/** Opens a file, so that a wrong path is refused before anything else is done. */
async function open(path: string): Promise<AsyncIterable<Buffer>> {
  const stream = createReadStream(path);
  return new Promise((resolve, reject) => {
    stream.once('open', () => resolve(stream));
    stream.once('error', (error) => {
      try {
        unreadable(path, error);
      } catch (refusal) {
        reject(refusal);
      }
    });
  });
}

function unreadable(path: string, cause: unknown): never {
  throw new CommandError(`${path} can't be read.`, { cause });
}

function parseConcurrency(text: string): number {
  const number = /^\d{1,2}$/.test(text) ? Number(text) : 0;
  if (number < 1 || number > 16) {
    throw new InvalidArgumentError('It must be a number from 1 to 16.');
  }
  return number;
}
