import { z } from 'zod';
import { type UncheckedUser, parsePart, parseRecord } from './import-record.js';
import { misshapenHash, unsupportedHash } from './hash-name.js';
import { RefusedRecord } from './refused-record.js';

const credentialSchema = z.looseObject({
  type: z.string({ error: 'must be text' }).optional(),
  /** JSON, in a text. */
  secretData: z.string({ error: 'must be text' }).optional(),
  credentialData: z.string({ error: 'must be text' }).optional(),
});

const userSchema = z.looseObject(
  {
    id: z.unknown().optional(),
    email: z.unknown().optional(),
    emailVerified: z.unknown().optional(),
    enabled: z.boolean({ error: 'must be true or false' }).optional(),
    firstName: z.string({ error: 'must be text' }).nullish(),
    lastName: z.string({ error: 'must be text' }).nullish(),
    credentials: z.array(credentialSchema, { error: 'must be a list' }).nullish(),
    /** Of the account of a client, which isn't a person's. */
    serviceAccountClientId: z.unknown().optional(),
  },
  { error: 'must be a JSON object' },
);

const secretSchema = z.looseObject({
  value: z.string({ error: 'must be text' }),
  salt: z.string({ error: 'must be text' }).optional(),
});
const hashingSchema = z.looseObject({
  algorithm: z.string({ error: 'must be text' }),
  hashIterations: z.number({ error: 'must be a number' }).optional(),
  additionalParameters: z.record(z.string(), z.array(z.string({ error: 'must be text' }))).optional(),
});

/** Keycloak's names → Kratos'. */
const pbkdf2Digests: ReadonlyMap<string, string> = new Map([
  ['pbkdf2', 'sha1'],
  ['pbkdf2-sha256', 'sha256'],
  ['pbkdf2-sha512', 'sha512'],
]);

/** Reads an element of `users` of a realm's export. @throws {RefusedRecord} */
export function readKeycloakUser(record: unknown): UncheckedUser {
  const user = parsePart(userSchema, record);
  if (user.serviceAccountClientId !== undefined && user.serviceAccountClientId !== null) {
    throw new RefusedRecord('it is the account of a client, and not of a person');
  }
  const name = [user.firstName, user.lastName].filter((part) => (part ?? '') !== '').join(' ');
  const password = user.credentials?.find(({ type }) => type === 'password');
  return {
    id: user.id,
    email: user.email,
    emailVerified: user.emailVerified ?? undefined,
    name: name === '' ? null : name,
    passwordHash: password === undefined ? null : hashOf(password),
    disabled: user.enabled === false,
  };
}

function hashOf({ secretData, credentialData }: z.output<typeof credentialSchema>): string {
  const { value, salt = '' } = parseMember(secretSchema, 'secretData', secretData);
  const hashing = parseMember(hashingSchema, 'credentialData', credentialData);
  const { algorithm, hashIterations, additionalParameters } = hashing;
  const parameter = (name: string): string => additionalParameters?.[name]?.[0] ?? '';
  const digest = pbkdf2Digests.get(algorithm);
  if (digest !== undefined) {
    return `$pbkdf2-${digest}$i=${hashIterations},l=0$${salt}$${value}`;
  }
  if (algorithm === 'argon2') {
    if (parameter('version') !== '1.3') {
      throw misshapenHash('argon2');
    }
    const costs = `m=${parameter('memory')},t=${hashIterations},p=${parameter('parallelism')}`;
    return `$argon2${parameter('type')}$v=19$${costs}$${salt}$${value}`;
  }
  // Of the usual extension; the value has cost and salt.
  if (algorithm === 'bcrypt') {
    return value;
  }
  throw unsupportedHash(algorithm);
}

/** Parses the JSON in a credential's text. @throws {RefusedRecord} that names the member. */
function parseMember<T>(schema: z.ZodType<T>, member: string, text: string | undefined): T {
  if (text === undefined) {
    throw new RefusedRecord(`its password has no ${member}`);
  }
  return parsePart(schema, parseRecord(text, `the ${member} of its password`), member);
}
