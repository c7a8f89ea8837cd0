import { z } from 'zod';

const credentialSchema = z.looseObject({
  /** What the credential is found by: addresses, `provider:subject`. */
  identifiers: z
    .array(z.string())
    .nullish()
    .transform((identifiers) => identifiers ?? []),
  /** Of keys; the schema's identifiers make an entry for a method before there is any. */
  config: z
    .looseObject({ credentials: z.array(z.unknown()).nullish() })
    .nullish()
    .transform((config) => config?.credentials?.length ?? 0),
});

/** Methods of which the config is asked for: it holds public keys, where that of the others holds secrets. */
export const keyCredentials = ['webauthn', 'passkey'] as const;

/** An identity's credentials as the admin API gives them with {@link keyCredentials} → how the identity can log in. */
export const kratosCredentialsSchema = z
  .looseObject({
    credentials: z
      .record(z.string(), credentialSchema.nullable())
      .nullish()
      .transform((credentials) => credentials ?? {}),
  })
  .transform(({ credentials }) => {
    const has = {
      totp: Object.hasOwn(credentials, 'totp'),
      webauthn: (credentials['webauthn']?.config ?? 0) > 0,
      lookup_secret: Object.hasOwn(credentials, 'lookup_secret'),
    };
    const linked = credentials['oidc']?.identifiers.map((identifier) => identifier.split(':')[0] ?? '') ?? [];
    return {
      password: Object.hasOwn(credentials, 'password'),
      passkeys: (credentials['passkey']?.config ?? 0) > 0,
      // In the order in which people are asked for them.
      secondFactors: (['totp', 'webauthn', 'lookup_secret'] as const).filter((type) => has[type]),
      linked: [...new Set(linked)],
    };
  });

/** How an identity can log in. */
export type KratosLoginMethods = z.output<typeof kratosCredentialsSchema>;
