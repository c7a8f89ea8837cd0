import { Readable, pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { isOfAuth0, readAuth0User } from './auth0.export.js';
import { type FirebaseHashing, isOfFirebase, readFirebaseUser } from './firebase.export.js';
import { type ImportedUser, checkUser, parseRecord } from './import.record.js';
import { readKeycloakUser } from './keycloak.export.js';
import { BrokenDocument, type FileRecord, elementsOf, linesOf, longestRecord } from './record.splitter.js';
import { RefusedRecord } from './refused.record.js';

/** Formats of import files. `vestibule` is our own: a JSON object on each line. */
export const exportFormats = ['vestibule', 'auth0', 'keycloak', 'firebase'] as const;
export type ExportFormat = (typeof exportFormats)[number];

/** What to read a file by. */
export interface ReaderOptions {
  /** Default: the file shows it. */
  readonly format?: ExportFormat | undefined;
  /** Auth0's password hashes by user id, if they are in a file of their own. */
  readonly auth0Hashes: ReadonlyMap<string, string>;
  /** Hash parameters of the Firebase project. */
  readonly firebaseHashing?: FirebaseHashing | undefined;
}

/** A user of a file, or why there is none, in its place. */
export interface ReadUser {
  /** Number of the line, or of the element of `users`, from 1. */
  readonly number: number;
  readonly user: ImportedUser | RefusedRecord;
}

/** Formats that are one JSON document; the others have a JSON object on each line. */
const documents: ReadonlySet<ExportFormat> = new Set(['keycloak', 'firebase']);

/** Reads the users of an export, one after the other: as much of the file is in memory as one of them has. */
export class ExportReader {
  readonly #options: ReaderOptions;
  #format: ExportFormat | undefined;

  constructor(options: ReaderOptions) {
    this.#options = options;
    this.#format = options.format;
  }

  /** What a number is called in messages: `line`, or `user` for an element of a document. */
  get unit(): 'line' | 'user' {
    return this.#format !== undefined && documents.has(this.#format) ? 'user' : 'line';
  }

  /** @param file as it is on the disk, or gzipped. @throws {BrokenDocument} */
  async *read(file: AsyncIterable<Buffer>): AsyncGenerator<ReadUser> {
    const { head, all } = await peek(unzipped(file));
    const isDocument = this.#format === undefined ? isDocumentHead(head) : documents.has(this.#format);
    for await (const record of isDocument ? elementsOf(all) : linesOf(all)) {
      yield { number: record.number, user: this.#userOf(record, isDocument) };
    }
  }

  #userOf({ text }: FileRecord, isDocument: boolean): ReadUser['user'] {
    try {
      if (typeof text !== 'string') {
        throw text;
      }
      const record = parseRecord(text);
      this.#format ??= isDocument ? documentFormatOf(record) : lineFormatOf(record);
      return checkUser(this.#unchecked(record));
    } catch (error) {
      if (error instanceof RefusedRecord) {
        return error;
      }
      throw error;
    }
  }

  #unchecked(record: unknown): unknown {
    switch (this.#format) {
      case 'auth0':
        return readAuth0User(record, this.#options.auth0Hashes);
      case 'keycloak':
        return readKeycloakUser(record);
      case 'firebase':
        return readFirebaseUser(record, this.#options.firebaseHashing);
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

/** The beginning of a file, up to its first line's end or the length of a record, and the whole file from its beginning. */
async function peek(file: AsyncIterable<Buffer>): Promise<{ head: Buffer; all: AsyncIterable<Buffer> }> {
  const source = file[Symbol.asyncIterator]();
  const taken: Buffer[] = [];
  let length = 0;
  for (let next = await source.next(); next.done !== true; next = await source.next()) {
    taken.push(next.value);
    length += next.value.length;
    if (length > longestRecord || next.value.includes(0x0a)) {
      break;
    }
  }
  async function* all(): AsyncGenerator<Buffer> {
    try {
      yield* taken.splice(0);
      for (let next = await source.next(); next.done !== true; next = await source.next()) {
        yield next.value;
      }
    } finally {
      await source.return?.();
    }
  }
  return { head: Buffer.concat(taken), all: all() };
}

/**
 * Whether a file is one JSON document: its first line is a whole object with users, or only the beginning of an object. A line that
 * is broken isn't taken for the beginning of a document.
 */
function isDocumentHead(head: Buffer): boolean {
  const text = head.toString('utf8').trimStart();
  const [first = ''] = text.split('\n', 1);
  try {
    const parsed: unknown = JSON.parse(first);
    return parsed !== null && typeof parsed === 'object' && Object.hasOwn(parsed, 'users');
  } catch {
    const isWholeLine = first.length < text.length;
    return isWholeLine ? first.trim() === '{' : /^\{\s*"users"|"realm"/.test(text);
  }
}

function documentFormatOf(record: unknown): ExportFormat {
  return isOfFirebase(record) ? 'firebase' : 'keycloak';
}

function lineFormatOf(record: unknown): ExportFormat {
  return isOfAuth0(record) ? 'auth0' : 'vestibule';
}
