import { z } from 'zod';
import { addressSchema } from '../../../platform/core/account-identifier.js';
import { toKratosHash } from './password-hash.js';
import { RefusedRecord } from './refused-record.js';

/** A user of an import file, checked. */
export interface ImportedUser {
  /** Their id at the system that the file comes from: the subject of its tokens. */
  readonly id: string;
  /** Folded. */
  readonly email: string;
  readonly emailVerified: boolean;
  readonly name: string | null;
  /** URL of a picture. */
  readonly picture: string | null;
  /** As Kratos takes it; null for a user without a password. */
  readonly passwordHash: string | null;
  readonly disabled: boolean;
}

/** Text without control characters, which no database and no terminal should get, and without halves of characters. */
const text = (most: number) =>
  z
    .string({ error: 'must be text' })
    .min(1, { error: 'must not be empty' })
    .max(most, { error: `must have at most ${most} characters` })
    .refine((value) => !/[\p{Cc}\p{Cs}]/u.test(value), {
      error: 'must not have control characters or broken ones',
    });
const truth = z.boolean({ error: 'must be true or false' });

/** A line of our own format. A member that isn't known is refused: an operator may take it for granted that it was imported. */
const userSchema = z.strictObject(
  {
    id: text(255),
    email: addressSchema,
    emailVerified: truth.default(false),
    name: text(200).nullish(),
    picture: text(2048).nullish(),
    passwordHash: z.string({ error: 'must be text' }).nullish(),
    disabled: truth.default(false),
  },
  { error: ({ code }) => (code === 'unrecognized_keys' ? undefined : 'must be a JSON object') },
);

/** A user as a format's reader hands it over: the members of our own format, not checked yet. */
export type UncheckedUser = Readonly<Partial<Record<keyof z.input<typeof userSchema>, unknown>>>;

/** Parses the text of a record. @param what is named in the reason. @throws {RefusedRecord} if it isn't JSON. */
export function parseRecord(record: string, what = 'it'): unknown {
  try {
    const parsed: unknown = JSON.parse(record);
    return parsed;
  } catch {
    // The parser's message quotes what it has read.
    throw new RefusedRecord(`${what} isn't JSON`);
  }
}

/** Checks a user. @throws {RefusedRecord} */
export function checkUser(user: unknown): ImportedUser {
  requireMember(user, 'id', 'id');
  requireMember(user, 'email', 'e-mail address');
  const { success, data, error } = userSchema.safeParse(user);
  if (!success) {
    throw new RefusedRecord(reasonOf(error));
  }
  const { name, picture, passwordHash, ...others } = data;
  return {
    ...others,
    name: name ?? null,
    // Kratos' schema takes only these. A picture is no reason to refuse its user.
    picture: picture && /^https?:\/\/\S+$/.test(picture) && URL.canParse(picture) ? picture : null,
    passwordHash: passwordHash ? toKratosHash(passwordHash) : null,
  };
}

/**
 * Parses a part of a record by a schema.
 * @param at name of the member that holds the part; default: the part is the record.
 * @throws {RefusedRecord} that names the member, and none of its value.
 */
export function parsePart<T>(schema: z.ZodType<T>, value: unknown, at?: string): T {
  const { success, data, error } = schema.safeParse(value);
  if (!success) {
    throw new RefusedRecord(reasonOf(error, at));
  }
  return data;
}

/** @throws {RefusedRecord} if an object doesn't have the member, or has nothing in it. */
function requireMember(user: unknown, member: keyof UncheckedUser, name: string): void {
  if (user === null || typeof user !== 'object' || Array.isArray(user)) {
    return;
  }
  const value: unknown = Reflect.get(user, member);
  if (value === undefined || value === null || value === '') {
    throw new RefusedRecord(`it has no ${name}`);
  }
}

function reasonOf({ issues: [issue] }: z.ZodError, at?: string): string {
  if (issue?.code === 'unrecognized_keys') {
    const [key = ''] = issue.keys;
    return /^\w{1,40}$/.test(key) ? `${key}: is not known` : 'it has a member that is not known';
  }
  const path = [...(at === undefined ? [] : [at]), ...(issue?.path ?? [])].join('.');
  return path === '' ? (issue?.message ?? 'it is invalid') : `${path}: ${issue?.message}`;
}
