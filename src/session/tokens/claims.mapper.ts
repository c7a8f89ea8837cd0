import { z } from 'zod';
import { type ClaimRule, isFreeClaimName } from '../../platform/config/claims-map.parser.js';
import { Problem } from '../../platform/errors/problem.error.js';

const maximumLength = 1024;
const maximumEntries = 100;

/** The values that an application's own claim may have. */
const claimValueSchema = z.union([
  z.string().max(maximumLength),
  z.number(),
  z.boolean(),
  z.array(z.string().max(maximumLength)).max(maximumEntries),
]);

/** The application's own claims: names that aren't reserved, with small values. */
export type ExtraClaims = Readonly<Record<string, z.output<typeof claimValueSchema>>>;

/**
 * Picks the mapped claims from a provider's profile. A claim that the profile lacks, or that the scope doesn't cover, is left out.
 * @throws {Problem} `claims_rejected` that names a claim with an invalid value.
 */
export function mapClaims(
  rules: readonly ClaimRule[],
  profile: Readonly<Record<string, unknown>>,
  scope: readonly string[],
): ExtraClaims {
  const picked = rules
    .filter((rule) => rule.scope === undefined || scope.includes(rule.scope))
    .map((rule) => [rule.claim, follow(profile, rule.path)] as const)
    .filter(([, value]) => value !== undefined && value !== null);
  return parseExtraClaims(Object.fromEntries(picked));
}

/** Validates the application's own claims. @throws {Problem} `claims_rejected` for a reserved name or an invalid value. */
export function parseExtraClaims(claims: Readonly<Record<string, unknown>>): ExtraClaims {
  const entries = Object.entries(claims).map(([claim, value]) => {
    const parsed = claimValueSchema.safeParse(value);
    if (!isFreeClaimName(claim) || !parsed.success) {
      throw new Problem('claims_rejected', {
        detail: `The claim ${JSON.stringify(claim.slice(0, 64))} has a reserved name, or a value that is too large or of the wrong kind.`,
        reason: 'claims_rejected',
      });
    }
    return [claim, parsed.data] as const;
  });
  return Object.fromEntries(entries);
}

function follow(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (current, key) =>
      typeof current === 'object' && current !== null && Object.hasOwn(current, key)
        ? Reflect.get(current, key)
        : undefined,
    value,
  );
}
