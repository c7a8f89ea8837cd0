import { z } from 'zod';
import { type UncheckedUser, parsePart } from './import-record.js';
import { RefusedRecord } from './refused-record.js';

const textOrNone = z.string({ error: 'must be text' }).nullish();

const userSchema = z.looseObject(
  {
    localId: z.unknown().optional(),
    email: z.unknown().optional(),
    emailVerified: z.unknown().optional(),
    displayName: z.unknown().optional(),
    photoUrl: z.unknown().optional(),
    passwordHash: textOrNone,
    salt: textOrNone,
    disabled: z.unknown().optional(),
  },
  { error: 'must be a JSON object' },
);

/** A project's hash parameters, as its console shows them. */
export interface FirebaseHashing {
  readonly signerKey: string;
  readonly saltSeparator: string;
  readonly rounds: number;
  readonly memoryCost: number;
}

const hashingSchema = z
  .object({
    algorithm: z.literal('SCRYPT'),
    base64_signer_key: z.string(),
    base64_salt_separator: z.string(),
    rounds: z.coerce.number().int(),
    mem_cost: z.coerce.number().int(),
  })
  .transform((given): FirebaseHashing => ({
    signerKey: given.base64_signer_key,
    saltSeparator: given.base64_salt_separator,
    rounds: given.rounds,
    memoryCost: given.mem_cost,
  }));

/**
 * Parses the hash parameters, as the console shows them: `hash_config { algorithm: SCRYPT, base64_signer_key: …, … }`.
 * @returns undefined if one is missing.
 */
export function parseFirebaseHashing(text: string): FirebaseHashing | undefined {
  const members = [...text.matchAll(/(\w+)\s*:\s*([\w+/=]+)/g)].map(([, name = '', value = '']) => [
    name,
    value,
  ]);
  const { success, data } = hashingSchema.safeParse(Object.fromEntries(members));
  return success ? data : undefined;
}

/** Whether an element of `users` is of Firebase. */
export function isOfFirebase(record: unknown): boolean {
  return record !== null && typeof record === 'object' && Object.hasOwn(record, 'localId');
}

/** Reads an element of `users` of `firebase auth:export`. @throws {RefusedRecord} */
export function readFirebaseUser(record: unknown, hashing: FirebaseHashing | undefined): UncheckedUser {
  const user = parsePart(userSchema, record);
  return {
    id: user.localId,
    email: user.email,
    emailVerified: user.emailVerified ?? undefined,
    name: user.displayName === '' ? null : user.displayName,
    picture: user.photoUrl === '' ? null : user.photoUrl,
    passwordHash: user.passwordHash ? hashOf(user.passwordHash, user.salt ?? '', hashing) : null,
    disabled: user.disabled ?? undefined,
  };
}

function hashOf(hash: string, salt: string, hashing: FirebaseHashing | undefined): string {
  if (hashing === undefined) {
    throw new RefusedRecord('it has a password, and --firebase-hash-config is not given');
  }
  const { signerKey, saltSeparator, rounds, memoryCost } = hashing;
  const parts = [salt, hash, saltSeparator, signerKey].map(standardBase64);
  return `$firescrypt$ln=${memoryCost},r=${rounds},p=1$${parts.join('$')}`;
}

/** The admin SDK writes base64 for URLs, and the command line the other. */
function standardBase64(text: string): string {
  return text.replaceAll('-', '+').replaceAll('_', '/');
}
