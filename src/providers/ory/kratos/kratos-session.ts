import { z } from 'zod';
import { foldIdentifier } from '../../../platform/core/account-identifier.js';
import type { ProviderIdentity } from '../../../directory/users/identity.js';

/**
 * The issuer of Ory identities. Kratos assigns the subjects and has no issuer URL of its own. Hydra's issuer changes with
 * `PUBLIC_URL`, which must not turn known identities into unknown ones.
 */
export const kratosIssuer = 'urn:ory:kratos';

/** Name of Kratos' session cookie. A Kratos with another one isn't supported: what the gates don't see, they don't limit. */
export const sessionCookie = 'ory_kratos_session';

const moment = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text));

/** A list that Kratos may leave out. */
export const listOf = <T extends z.ZodType>(item: T) =>
  z
    .array(item)
    .nullish()
    .transform((items) => items ?? []);

/** A person's name, as a schema may have it. */
export const nameTraitSchema = z.union([
  z.string(),
  z.looseObject({ first: z.string().optional(), last: z.string().optional() }),
]);

/** The traits that Vestibule reads; an operator's schema may hold more. */
const traitsSchema = z.looseObject({
  email: z.string().optional(),
  name: nameTraitSchema.optional(),
  picture: z.string().optional(),
});

/** An identity as Kratos' APIs return it. */
export const kratosIdentitySchema = z.looseObject({
  id: z.uuid(),
  state: z.string().optional(),
  traits: traitsSchema,
  metadata_admin: z.looseObject({ vestibule: z.string().optional() }).nullish(),
  verifiable_addresses: listOf(
    z.looseObject({
      value: z.string(),
      verified: z.boolean(),
      verified_at: moment.nullish().catch(undefined),
    }),
  ),
});

export type KratosIdentity = z.output<typeof kratosIdentitySchema>;

/** Marks the identity that the bootstrap creates. It's metadata that users can't change themselves. */
export const administratorMetadata = { vestibule: 'administrator' } as const;

/** Whether the bootstrap created this identity; only the admin API returns this metadata. */
export function isAdministrator(identity: KratosIdentity): boolean {
  return identity.metadata_admin?.vestibule === administratorMetadata.vestibule;
}

/** What a session was authenticated with, in the order of the steps. */
const methodsSchema = listOf(
  z.looseObject({
    method: z.string(),
    provider: z.string().optional(),
    completed_at: moment.optional().catch(undefined),
  }),
);

/** A session as whoami and the admin API return it. */
export const kratosSessionSchema = z.looseObject({
  id: z.uuid(),
  active: z.boolean(),
  authenticated_at: moment,
  authenticator_assurance_level: z.string().optional(),
  authentication_methods: methodsSchema,
  identity: kratosIdentitySchema,
});

export type KratosSession = z.output<typeof kratosSessionSchema>;

/** Sessions of an identity, newest first → what the latest one was authenticated with. */
export const latestMethodsSchema = z
  .array(z.looseObject({ authentication_methods: methodsSchema }))
  .transform(([latest]) => latest?.authentication_methods ?? []);

/** A recovery that the admin API has begun: the code, and the flow that accepts it in any browser. */
export const kratosRecoverySchema = z
  .looseObject({
    recovery_code: z.string().min(1),
    recovery_link: z
      .url()
      .transform((link) => new URL(link).searchParams.get('flow'))
      .pipe(z.uuid()),
    expires_at: moment,
  })
  .transform(({ recovery_code: code, recovery_link: flowId, expires_at: expiresAt }) => ({
    code,
    flowId,
    expiresAt,
  }));

/** A recovery; `expiresAt` is in milliseconds since the epoch. */
export type KratosRecovery = z.output<typeof kratosRecoverySchema>;

/** Kratos' method names → authentication method references (RFC 8176), if there is one. */
const methodReferences: Readonly<Record<string, string>> = { password: 'pwd', totp: 'otp', code: 'otp' };

/** How the session was authenticated, as `amr`: `mfa` is added when a second factor was used. */
export function amrOf(session: KratosSession): string[] {
  const methods = session.authentication_methods.map(({ method }) => methodReferences[method] ?? method);
  return [...new Set(session.authenticator_assurance_level === 'aal2' ? [...methods, 'mfa'] : methods)];
}

/**
 * Whether the last step of a session linked a third-party login. Kratos then adds that login to the method that was used, without
 * the name of its provider, which a login through the provider has.
 */
export function hasJustLinked(methods: KratosSession['authentication_methods']): boolean {
  const last = methods.at(-1);
  return last?.method === 'oidc' && last.provider === undefined;
}

/** The whole name; null if there is none. */
export function fullNameOf(name: z.output<typeof nameTraitSchema> | undefined): string | null {
  const whole = typeof name === 'object' ? [name.first, name.last].filter(Boolean).join(' ') : name;
  return whole === undefined || whole === '' ? null : whole;
}

/** Maps Kratos' identity to ours. */
export function toProviderIdentity(identity: KratosIdentity): ProviderIdentity {
  const { email, name, picture } = identity.traits;
  const address = identity.verifiable_addresses.find(
    ({ value }) => email !== undefined && foldIdentifier(value) === foldIdentifier(email),
  );
  return {
    issuer: kratosIssuer,
    subject: identity.id,
    email: email ?? null,
    emailVerified: address?.verified === true,
    isProvenHere: true,
    ...(typeof address?.verified_at === 'number' ? { emailVerifiedAt: address.verified_at } : {}),
    name: fullNameOf(name),
    picture: picture === undefined || !/^https?:\/\//.test(picture) ? null : picture,
  };
}
