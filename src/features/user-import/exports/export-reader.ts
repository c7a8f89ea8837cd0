import { Readable, pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { auth0WithoutPassword, isOfAuth0, readAuth0User } from './auth0-export.js';
import { type FirebaseHashing, isOfFirebase, readFirebaseUser } from './firebase-export.js';
import { isDocumentHead } from './file.form.js';
import { type ImportedUser, checkUser, parseRecord } from './import-record.js';
import { readKeycloakUser } from './keycloak-export.js';
import {
  BrokenDocument,
  type FileRecord,
  elementsOf,
  isSpace,
  linesOf,
  longestRecord,
} from './record-splitter.js';
import { RefusedRecord } from './refused-record.js';

/** Formats of import files. `vestibule` is our own: a JSON object on each line. */
export const exportFormats = ['vestibule', 'auth0', 'keycloak', 'firebase'] as const;
export type ExportFormat = (typeof exportFormats)[number];

/** What to read a file by. */
export interface ReaderOptions {
  /** Default: Firebase's if there are hash parameters, or else what the file shows. */
  readonly format?: ExportFormat | undefined;
  /** Auth0's password hashes by user id, if their file was given. */
  readonly auth0Hashes?: ReadonlyMap<string, string> | undefined;
  /** Hash parameters of the Firebase project. */
  readonly firebaseHashing?: FirebaseHashing | undefined;
}

/** A user of a file, or why there is none, in its place. */
export interface ReadUser {
  /** Number of the line, or of the element of `users`, from 1. */
  readonly number: number;
  /** What messages call it: `line 2`, or `user 2` for an element of a document. */
  readonly place: string;
  readonly user: ImportedUser | RefusedRecord;
  /** Why a user without a password is refused, where the format has a reason of its own. */
  readonly withoutPassword?: string | undefined;
}

/** Formats that are one JSON document; the others have a JSON object on each line. */
const documents: ReadonlySet<ExportFormat> = new Set(['keycloak', 'firebase']);

/** Reads the users of an export, one after the other: as much of the file is in memory as one of them has. */
export class ExportReader {
  #format: ExportFormat | undefined;

  constructor(private readonly options: ReaderOptions) {
    this.#format = options.format ?? (options.firebaseHashing === undefined ? undefined : 'firebase');
  }

  /** @param file as it is on the disk, or gzipped. @throws {BrokenDocument} */
  async *read(file: AsyncIterable<Buffer>): AsyncGenerator<ReadUser> {
    const { head, all, close } = await peek(unzipped(file));
    let isDocument: boolean;
    try {
      const looksLikeDocument = isDocumentHead(head);
      isDocument = this.#format === undefined ? looksLikeDocument : documents.has(this.#format);
    } catch (error) {
      await close();
      throw error;
    }
    let isEmpty = true;
    for await (const record of isDocument ? elementsOf(all) : linesOf(all)) {
      isEmpty = false;
      const place = `${isDocument ? 'user' : 'line'} ${record.number}`;
      yield { number: record.number, place, ...this.#userOf(record, isDocument) };
    }
    if (isEmpty) {
      throw new BrokenDocument('The file has no users.');
    }
  }

  #userOf({ text }: FileRecord, isDocument: boolean): Pick<ReadUser, 'user' | 'withoutPassword'> {
    const { auth0Hashes } = this.options;
    try {
      if (typeof text !== 'string') {
        throw text;
      }
      const record = parseRecord(text);
      this.#format ??= isDocument ? documentFormatOf(record) : lineFormatOf(record);
      const withoutPassword =
        this.#format === 'auth0' ? auth0WithoutPassword(record, auth0Hashes !== undefined) : undefined;
      return { user: checkUser(this.#unchecked(record)), withoutPassword };
    } catch (error) {
      if (error instanceof RefusedRecord) {
        return { user: error };
      }
      throw error;
    }
  }

  #unchecked(record: unknown): unknown {
    switch (this.#format) {
      case 'auth0':
        return readAuth0User(record, this.options.auth0Hashes);
      case 'keycloak':
        return readKeycloakUser(record);
      case 'firebase':
        return readFirebaseUser(record, this.options.firebaseHashing);
      default:
        return record;
    }
  }
}

/** Unpacks a file that is gzipped, as Auth0's are. @throws {BrokenDocument} if it is broken. */
export async function* unzipped(file: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const { head, all } = await peek(file);
  if (head[0] !== 0x1f || head[1] !== 0x8b) {
    yield* all;
    return;
  }
  // The callback's form: whatever fails ends the iteration below.
  const unpacked = pipeline(Readable.from(all), createGunzip(), () => undefined);
  try {
    for await (const chunk of unpacked) {
      yield Buffer.from(chunk);
    }
  } catch (error) {
    throw new BrokenDocument('The file is gzipped, and broken or cut off.', { cause: error });
  }
}

interface PeekedFile {
  readonly head: Buffer;
  readonly all: AsyncIterable<Buffer>;
  /** Ends a file that isn't read: a pipe that stays open would keep the process alive. */
  readonly close: () => Promise<void>;
}

/**
 * The beginning of a file, up to the end of its first line that isn't blank or the length of a record, and the whole file from its
 * beginning.
 */
async function peek(file: AsyncIterable<Buffer>): Promise<PeekedFile> {
  const source = file[Symbol.asyncIterator]();
  const taken: Buffer[] = [];
  let length = 0;
  let isBlank = true;
  for (let next = await source.next(); next.done !== true; next = await source.next()) {
    taken.push(next.value);
    length += next.value.length;
    const start: number = isBlank ? next.value.findIndex((code) => !isSpace(code)) : 0;
    isBlank = start < 0;
    if (length > longestRecord || (!isBlank && next.value.includes(0x0a, start))) {
      break;
    }
  }
  const close = async (): Promise<void> => {
    await source.return?.();
  };
  async function* all(): AsyncGenerator<Buffer> {
    try {
      yield* taken.splice(0);
      for (let next = await source.next(); next.done !== true; next = await source.next()) {
        yield next.value;
      }
    } finally {
      await close();
    }
  }
  return { head: Buffer.concat(taken), all: all(), close };
}

function documentFormatOf(record: unknown): ExportFormat {
  return isOfFirebase(record) ? 'firebase' : 'keycloak';
}

function lineFormatOf(record: unknown): ExportFormat {
  return isOfAuth0(record) ? 'auth0' : 'vestibule';
}
