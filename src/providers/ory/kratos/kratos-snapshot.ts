import { createHash } from 'node:crypto';
import { z } from 'zod';
import { kratosIdentitySchema, listOf } from './kratos-session.js';

/** Credentials whose whole content is compared. */
const wholes = ['password', 'totp', 'lookup_secret'] as const;
/** Credentials that are lists of keys. */
const keyLists = ['webauthn', 'passkey'] as const;

/** All credentials of which {@link credentialSnapshotSchema} needs the content. */
export const snapshotCredentials = [...wholes, ...keyLists];

const keysSchema = z.looseObject({ credentials: listOf(z.looseObject({ id: z.string() })) });

/** Kratos leaves out the content of those that weren't asked for. */
const credentialSchema = z.looseObject({ identifiers: listOf(z.string()), config: z.unknown().optional() });

/** An identity's credentials as the admin API returns them → what two moments can be compared by, without any secret. */
export const credentialSnapshotSchema = z
  .looseObject({
    ...kratosIdentitySchema.shape,
    credentials: z
      .record(z.string(), credentialSchema.nullable())
      .nullish()
      .transform((credentials) => credentials ?? {}),
  })
  .transform(({ credentials, ...identity }): CredentialSnapshot => {
    const digestOf = (type: string): string | undefined => {
      const config = credentials[type]?.config;
      return config === undefined || config === null ? undefined : digest(JSON.stringify(config));
    };
    const keysOf = (type: string): readonly string[] =>
      keysSchema.safeParse(credentials[type]?.config).data?.credentials.map(({ id }) => id) ?? [];
    return {
      identity,
      password: digestOf('password'),
      totp: digestOf('totp'),
      lookup_secret: digestOf('lookup_secret'),
      webauthn: keysOf('webauthn'),
      passkey: keysOf('passkey'),
      oidc: credentials['oidc']?.identifiers ?? [],
    };
  });

/** An identity and its credentials at one moment: digests of secrets, ids of keys, and names of linked logins. */
export interface CredentialSnapshot {
  readonly identity: z.output<typeof kratosIdentitySchema>;
  readonly password: string | undefined;
  readonly totp: string | undefined;
  readonly lookup_secret: string | undefined;
  readonly webauthn: readonly string[];
  readonly passkey: readonly string[];
  readonly oidc: readonly string[];
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}
