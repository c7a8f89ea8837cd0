import { AuditService } from '../../directory/audit/audit.service.js';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { Configuration } from '../../platform/config/configuration.js';
import { Database } from '../../platform/database/database.schema.js';
import { CommandError } from '../../platform/errors/command.error.js';
import type { DeploymentServices } from '../../platform/features/command-line.js';
import { Clock } from '../../platform/time/clock.service.js';
import { isOryIssuer } from '../../providers/ory/sources/ory-issuer.js';
import { kratosIssuer } from '../../providers/ory/kratos/kratos-session.js';
import { readAuth0Hashes } from './exports/auth0-export.js';
import { ExportReader, type ReadUser, exportFormats, unzipped } from './exports/export-reader.js';
import { type FirebaseHashing, parseFirebaseHashing } from './exports/firebase-export.js';
import { BrokenDocument, linesOf } from './exports/record-splitter.js';
import { IdentityImport } from './identity-import.js';
import { KratosImporter } from './kratos-import.js';
import { type BatchResult, UserImporter } from './user-importer.js';

/** Users that one call to Kratos creates. */
const batchSize = 200;
/** Milliseconds between two lines of progress. */
const progressInterval = 5000;
/** Issuer of people who have never been here. With it, a later run knows them again. */
const newPeople = 'urn:vestibule:import';

/** The files of an import. */
export interface ImportFiles {
  readonly users: AsyncIterable<Buffer>;
  /** Auth0's password hashes, if they are in a file of their own. */
  readonly passwords: AsyncIterable<Buffer> | undefined;
  /** Text of the Firebase project's hash parameters. */
  readonly firebaseHashing: string | undefined;
}

/** What to import, and how. */
export interface ImportRequest {
  readonly files: ImportFiles;
  readonly format: string | undefined;
  readonly from: string | undefined;
  readonly movesAdministrators: boolean;
  readonly takesPasswordless: boolean;
  /** Whether to report what would become of each record, and to write nothing. */
  readonly isDryRun: boolean;
  /** Batches that Kratos creates at a time. */
  readonly concurrency: number;
  /** Aborted when the import is to end after its batch. */
  readonly interrupted: AbortSignal;
  readonly print: (line: string) => void;
  readonly tell: (line: string) => void;
}

/** What a dry run states about a record that isn't refused. */
const wouldBe = {
  created: 'would be created',
  linked: 'would be linked to its user',
  skipped: 'was imported before',
} as const;

/** Numbers of records, by what became of them. */
class Counts {
  created = 0;
  linked = 0;
  skipped = 0;
  refused = 0;

  add({ created, linked, skipped }: Pick<BatchResult, 'created' | 'linked' | 'skipped'>): void {
    this.created += created;
    this.linked += linked;
    this.skipped += skipped;
  }

  toString(): string {
    const { created, linked, skipped, refused } = this;
    const all = created + linked + skipped + refused;
    return `${all} read: ${created} created, ${linked} linked to their users, ${skipped} imported before, ${refused} refused`;
  }
}

/** Tells how far the import is, every few seconds. */
class Progress {
  readonly #tell: (line: string) => void;
  #toldAt = performance.now();

  constructor(
    private readonly counts: Counts,
    tell: (line: string) => void,
  ) {
    this.#tell = tell;
  }

  tell(): void {
    if (performance.now() - this.#toldAt > progressInterval) {
      this.#toldAt = performance.now();
      this.#tell(`${this.counts} …`);
    }
  }
}

/**
 * Imports a file.
 * @returns whether it was imported whole.
 * @throws {CommandError} if the deployment isn't one with Kratos, or the file isn't what it should be.
 */
export async function runImport(services: DeploymentServices, request: ImportRequest): Promise<boolean> {
  const configuration = services.get<Configuration>(CONFIGURATION);
  const identities = new IdentityImport(services.get(Database), services.get(Clock));
  if (configuration.AUTH_PROVIDER !== 'ory') {
    throw new CommandError(
      'Users are imported into Kratos: set AUTH_PROVIDER=ory, and the addresses of Kratos and Hydra.',
    );
  }
  const counts = new Counts();
  const { files, print, tell, interrupted } = request;
  const refuse = (place: string, reason: string): void => {
    counts.refused += 1;
    print(`${place}: ${reason}`);
  };
  const importer = new UserImporter(
    new KratosImporter(configuration),
    identities,
    services.get(AuditService),
    {
      ...request,
      from: await issuerOf(identities, request.from),
      administratorEmail: configuration.ADMIN_EMAIL,
    },
  );
  const auth0Hashes =
    files.passwords === undefined
      ? undefined
      : await readAuth0Hashes(linesOf(unzipped(files.passwords)), ({ number }, reason) =>
          refuse(`passwords line ${number}`, reason),
        );
  const reader = new ExportReader({
    format: exportFormats.find((format) => format === request.format),
    auth0Hashes,
    firebaseHashing: hashingOf(files.firebaseHashing),
  });
  const progress = new Progress(counts, tell);
  const take = ({ refused, ...others }: BatchResult): void => {
    counts.add(others);
    for (const { place, reason } of refused) {
      refuse(place, reason);
    }
    progress.tell();
  };
  let broken: BrokenDocument | undefined;
  try {
    const batches = batchesOf(reader.read(files.users));
    await inLanes(batches, request.concurrency, interrupted, async (batch) => {
      if (!request.isDryRun) {
        take(await importer.import(batch));
        return;
      }
      for (const rehearsal of await importer.rehearse(batch)) {
        if (rehearsal.outcome === 'refused') {
          refuse(rehearsal.place, rehearsal.reason);
        } else {
          counts[rehearsal.outcome] += 1;
          print(`${rehearsal.place}: ${wouldBe[rehearsal.outcome]}`);
        }
      }
      progress.tell();
    });
  } catch (error) {
    if (!(error instanceof BrokenDocument)) {
      tell(`${counts}. Run the command again to go on.`);
      throw error;
    }
    broken = error;
    tell(error.message);
  }
  if (request.isDryRun) {
    tell('A dry run: nothing was written.');
  }
  tell(interrupted.aborted ? `${counts}. Interrupted: run the command again to go on.` : `${counts}.`);
  return counts.refused === 0 && broken === undefined && !interrupted.aborted;
}

/**
 * Works on items, several at a time. The next item is read when there is room for it.
 * @param interrupted no item is begun once it is aborted.
 * @returns when all that was begun has ended, also if one of them fails.
 */
async function inLanes<T>(
  items: AsyncIterable<T>,
  lanes: number,
  interrupted: AbortSignal,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const running = new Set<Promise<void>>();
  const failures: unknown[] = [];
  const run = async (item: T): Promise<void> => {
    try {
      await work(item);
    } catch (error) {
      failures.push(error);
    }
  };
  try {
    for await (const item of items) {
      const lane = run(item).finally(() => running.delete(lane));
      running.add(lane);
      if (running.size >= lanes) {
        await Promise.race(running);
      }
      if (interrupted.aborted || failures.length > 0) {
        break;
      }
    }
  } finally {
    await Promise.all(running);
  }
  if (failures.length > 0) {
    throw failures[0];
  }
}

/** Groups users. What was read before a file turned out to be broken is a batch as well. */
async function* batchesOf(users: AsyncIterable<ReadUser>): AsyncGenerator<readonly ReadUser[]> {
  let batch: ReadUser[] = [];
  let broken: BrokenDocument | undefined;
  try {
    for await (const user of users) {
      batch.push(user);
      if (batch.length === batchSize) {
        yield batch;
        batch = [];
      }
    }
  } catch (error) {
    if (!(error instanceof BrokenDocument)) {
      throw error;
    }
    broken = error;
  }
  if (batch.length > 0) {
    yield batch;
  }
  if (broken !== undefined) {
    throw broken;
  }
}

/** The issuer of the users' identities so far. @throws {CommandError} if it isn't given, or no user here has it. */
async function issuerOf(identities: IdentityImport, given: string | undefined): Promise<string> {
  const issuers = await identities.issuersBeside(kratosIssuer);
  const known = issuers.filter((issuer) => issuer !== newPeople && !isOryIssuer(issuer));
  if (given === 'none' || (given === undefined && known.length === 0)) {
    return newPeople;
  }
  if (given !== undefined && known.includes(given)) {
    return given;
  }
  const choices = [...known, 'none'].map((choice) => `--from ${choice}`).join('\n');
  throw new CommandError(
    given === undefined
      ? `Users have logged in here at another provider. Name the one that the file is from, so that they stay who they are:\n${choices}`
      : `No user here has logged in at that issuer. What there is:\n${choices}`,
  );
}

function hashingOf(text: string | undefined): FirebaseHashing | undefined {
  const hashing = text === undefined ? undefined : parseFirebaseHashing(text);
  if (text !== undefined && hashing === undefined) {
    throw new CommandError(
      'The hash parameters must be as the Firebase console shows them: algorithm SCRYPT, base64_signer_key, base64_salt_separator, rounds, mem_cost.',
    );
  }
  return hashing;
}
