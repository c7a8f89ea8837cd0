import { z } from 'zod';
import { listOf } from './kratos-session.js';

/** What begins a hash that Kratos makes itself, by the settings in `docker/kratos`. */
const ownHash = '$argon2id$';

/** Whose password a login by a name tries, and whether Kratos then makes its hash anew, as it does with one of another system. */
export type PasswordHolder =
  { readonly state: 'none' } | { readonly state: 'own' | 'foreign'; readonly identity: string };

/** A password as Kratos keeps it → whether its hash is from another system. The hash itself goes no further. */
const passwordSchema = z
  .looseObject({
    identifiers: listOf(z.string()),
    config: z
      .looseObject({
        hashed_password: z.string().optional(),
        use_password_migration_hook: z.boolean().optional(),
      })
      .nullish(),
  })
  .transform(({ identifiers, config }) => {
    const { hashed_password: hash = '', use_password_migration_hook: isElsewhere = false } = config ?? {};
    return { identifiers, isForeign: isElsewhere || (hash !== '' && !hash.startsWith(ownHash)) };
  });

const holdersSchema = z.array(
  z.looseObject({
    id: z.uuid(),
    credentials: z.looseObject({ password: passwordSchema.nullish() }).nullish(),
  }),
);

/** Identities with this name and their passwords, as the admin API lists them → the one that a login reaches. @param name folded. */
export const passwordHolderSchema = (name: string) =>
  holdersSchema.transform((identities): PasswordHolder => {
    for (const { id, credentials } of identities) {
      if (credentials?.password?.identifiers.includes(name) === true) {
        return { state: credentials.password.isForeign ? 'foreign' : 'own', identity: id };
      }
    }
    return { state: 'none' };
  });
