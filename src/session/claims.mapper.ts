import { z } from 'zod';
import { type ClaimRule, isFreeClaimName } from '../config/claims-map.parser.js';
import { Problem } from '../core/problem.error.js';

const maximumLength = 1024;
const maximumEntries = 100;

/** What a claim of the application's own may be. */
const claimValueSchema = z.union([
  z.string().max(maximumLength),
  z.number(),
  z.boolean(),
  z.array(z.string().max(maximumLength)).max(maximumEntries),
]);

/** Claims of the application's own: names that aren't reserved, with small values. */
export type ExtraClaims = Readonly<Record<string, z.output<typeof claimValueSchema>>>;

/**
 * Picks the mapped claims out of a provider's profile; what the profile lacks, or the scope doesn't cover, is left out.
 * @throws {Problem} `claims_rejected` naming a claim whose value can't be one.
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

/** @throws {Problem} `claims_rejected` for a reserved name or a value that can't be a claim. */
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
