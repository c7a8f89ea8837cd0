import { z } from 'zod';
import { listOf } from './kratos-session.js';

const credentialSchema = z.looseObject({
  /** Identifiers of the credential: addresses, or `provider:subject`. */
  identifiers: listOf(z.string()),
  /** The number of keys. An entry proves none: the schema's identifiers create one before there is a key. */
  config: z
    .looseObject({ credentials: z.array(z.unknown()).nullish() })
    .nullish()
    .transform((config) => config?.credentials?.length ?? 0),
});

/** Methods whose config is requested: it holds public keys, while that of the others holds secrets. */
export const keyCredentials = ['webauthn', 'passkey'] as const;

/** An identity's credentials, as the admin API returns them with {@link keyCredentials} → how the identity can log in. */
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
