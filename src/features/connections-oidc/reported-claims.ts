import { z } from 'zod';

/** A text that fits into a row: without characters that a database rejects. */
const plain = z.string().regex(/^\P{Cc}{1,320}$/u);

const claimsSchema = z.looseObject({
  email: plain.nullable().catch(null).default(null),
  email_verified: z
    .union([z.boolean(), z.enum(['true', 'false']).transform((text) => text === 'true')])
    .optional()
    .catch(false),
  name: plain.nullable().catch(null).default(null),
});

/** What the claims of a provider report about a user. */
export interface ReportedClaims {
  readonly email: string | null;
  /** Undefined: the provider states nothing. */
  readonly isEmailVerified: boolean | undefined;
  readonly name: string | null;
  /** Undefined: the claim is missing. */
  readonly groups: readonly string[] | undefined;
}

/** Reads claims. What isn't as it should be is left out: a provider may report anything. */
export function readClaims(claims: Readonly<Record<string, unknown>>, groupsClaim: string): ReportedClaims {
  const { email, email_verified: isEmailVerified, name } = claimsSchema.parse(claims);
  const given: unknown = Object.hasOwn(claims, groupsClaim) ? claims[groupsClaim] : undefined;
  return { email, isEmailVerified, name, groups: given === undefined ? undefined : groupsOf(given) };
}

/** A list of names, or one name. */
function groupsOf(given: unknown): readonly string[] {
  const names = [given].flat().filter((name): name is string => plain.safeParse(name).success);
  return [...new Set(names)].toSorted();
}
