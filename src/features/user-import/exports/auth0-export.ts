import { z } from 'zod';
import { type UncheckedUser, parsePart, parseRecord } from './import-record.js';
import type { FileRecord } from './record-splitter.js';
import { RefusedRecord } from './refused-record.js';

const identifierSchema = z.looseObject({
  type: z.string({ error: 'must be text' }),
  value: z.unknown().optional(),
  verified: z.unknown().optional(),
});

/** A line of the export of password hashes, which Auth0's support makes. */
const hashSchema = z.looseObject(
  {
    _id: z.looseObject({ $oid: z.string({ error: 'must be text' }) }, { error: 'must be an object' }),
    /** Instead of `_id`, for users whose id was chosen. */
    alt_id: z.string({ error: 'must be text' }).optional(),
    email: z.unknown().optional(),
    email_verified: z.unknown().optional(),
    /** Of newer exports, in which the two above may be missing. */
    identifiers: z.array(identifierSchema, { error: 'must be a list' }).optional(),
    passwordHash: z.unknown().optional(),
  },
  { error: 'must be a JSON object' },
);

/** A line of a job's export of users; or of the export extension's, whose members are named for people. */
const profileSchema = z.looseObject(
  {
    user_id: z.unknown().optional(),
    email: z.unknown().optional(),
    email_verified: z.unknown().optional(),
    name: z.unknown().optional(),
    picture: z.unknown().optional(),
    blocked: z.unknown().optional(),
    Id: z.unknown().optional(),
    Email: z.unknown().optional(),
    'Email Verified': z.unknown().optional(),
    Name: z.unknown().optional(),
    Picture: z.unknown().optional(),
  },
  { error: 'must be a JSON object' },
);

/** Whether a record is of one of Auth0's exports. */
export function isOfAuth0(record: unknown): boolean {
  return (
    record !== null &&
    typeof record === 'object' &&
    ['_id', 'user_id', 'Id'].some((name) => Object.hasOwn(record, name))
  );
}

/**
 * Reads a line of either export.
 * @param hashes by user id, if they are in a file of their own, and that file was given.
 * @throws {RefusedRecord}
 */
export function readAuth0User(
  record: unknown,
  hashes: ReadonlyMap<string, string> | undefined,
): UncheckedUser {
  if (isHashLine(record)) {
    return readHash(record);
  }
  const profile = parsePart(profileSchema, record);
  const id = profile.user_id ?? profile.Id;
  return {
    id,
    email: profile.email ?? profile.Email,
    emailVerified: profile.email_verified ?? profile['Email Verified'] ?? undefined,
    name: emptyAsNull(profile.name ?? profile.Name),
    picture: emptyAsNull(profile.picture ?? profile.Picture),
    passwordHash: typeof id === 'string' ? hashes?.get(id) : undefined,
    disabled: profile.blocked ?? undefined,
  };
}

/** Why a line's user has no password, and what to do; undefined if there is nothing to add for Auth0. */
export function auth0WithoutPassword(record: unknown, isHashFileGiven: boolean): string | undefined {
  if (isHashLine(record)) {
    return undefined;
  }
  return isHashFileGiven
    ? 'the file of --passwords has no hash for it: give --without-password to import it nevertheless'
    : 'it has no password, because Auth0 exports the hashes in a file of their own: give that file as --passwords, or --without-password to import users without one';
}

/**
 * Reads the export of password hashes as a file of its own: user id → hash. It is held in memory, about 200 bytes for each.
 * @param refuse is called for each line that can't be read.
 */
export async function readAuth0Hashes(
  records: AsyncIterable<FileRecord>,
  refuse: (record: FileRecord, reason: string) => void,
): Promise<ReadonlyMap<string, string>> {
  const hashes = new Map<string, string>();
  for await (const record of records) {
    try {
      if (typeof record.text !== 'string') {
        throw record.text;
      }
      const { id, passwordHash } = readHash(parseRecord(record.text));
      if (typeof id !== 'string' || typeof passwordHash !== 'string') {
        throw new RefusedRecord('it has no password hash');
      }
      hashes.set(id, passwordHash);
    } catch (error) {
      if (!(error instanceof RefusedRecord)) {
        throw error;
      }
      refuse(record, error.message);
    }
  }
  return hashes;
}

/** Whether a record is of the export of password hashes. */
function isHashLine(record: unknown): boolean {
  return record !== null && typeof record === 'object' && Object.hasOwn(record, '_id');
}

function readHash(record: unknown): UncheckedUser {
  const { _id, alt_id, identifiers = [], ...line } = parsePart(hashSchema, record);
  const address = identifiers.find(({ type }) => type === 'email');
  return {
    id: `auth0|${alt_id ?? _id.$oid}`,
    email: line.email ?? address?.value,
    emailVerified: line.email_verified ?? address?.verified ?? undefined,
    passwordHash: line.passwordHash,
  };
}

function emptyAsNull(value: unknown): unknown {
  return value === '' ? null : value;
}
