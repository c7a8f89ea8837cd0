import { z } from 'zod';
import { Problem } from '../platform/errors/problem.error.js';
import type { AuthenticationContext } from '../session/session.service.js';

/** A year, in seconds. */
const longestAge = 365 * 86_400;

const maxAgeSchema = z
  .stringFormat('seconds', /^\d{1,8}$/)
  .transform(Number)
  .pipe(z.int().max(longestAge));
const acrSchema = z.literal('aal2');

/** What a login must satisfy (OpenID Connect Core section 3.1.2.1, RFC 9470 section 4). */
export const stepUpRequirementSchema = z.object({
  /** Seconds since credentials were given, at most, counted from the start of the login; 0 requires new ones. */
  maxAge: z.int().nonnegative().optional(),
  /** `aal2`: a second factor must be given. */
  acr: acrSchema.optional(),
});

/** What a login must satisfy; empty for any login. */
export type StepUpRequirement = z.output<typeof stepUpRequirementSchema>;

/** The requirement in a query's `max_age` and `acr_values`. Values that aren't understood are ignored. */
export function stepUpRequirementOf(query: Readonly<Record<string, unknown>>): StepUpRequirement {
  const maxAge = maxAgeSchema.safeParse(query['max_age']);
  const acr = acrSchema.safeParse(query['acr_values']);
  return { ...(maxAge.success ? { maxAge: maxAge.data } : {}), ...(acr.success ? { acr: acr.data } : {}) };
}

/** The requirement as parameters of an authorization request. @param secondFactor the provider's own name of `aal2`. */
export function stepUpParameters(
  { maxAge, acr }: StepUpRequirement,
  secondFactor = 'aal2',
): Readonly<Record<string, string>> {
  return {
    ...(maxAge === undefined ? {} : { max_age: String(maxAge) }),
    ...(acr === undefined ? {} : { acr_values: secondFactor }),
  };
}

/**
 * The same for any OpenID provider. An ID token must state when credentials were given only if `max_age` was requested (OpenID
 * Connect Core section 2), so a login without an age limit requests an age that none exceeds.
 */
export function openIdStepUpParameters(
  demand: StepUpRequirement,
  secondFactor?: string,
): Readonly<Record<string, string>> {
  return stepUpParameters({ maxAge: longestAge, ...demand }, secondFactor);
}

/**
 * Checks a login against its requirement: a provider may ignore the request, and that must not pass as a step-up (OpenID Connect
 * Core section 3.1.3.7, steps 12 and 13).
 * @param startedAt of the login, in seconds since the epoch.
 * @throws {Problem} `login_refused`
 */
export function assertStepUp(
  { maxAge, acr }: StepUpRequirement,
  evidence: Pick<AuthenticationContext, 'authTime' | 'acr'>,
  startedAt: number,
): void {
  if (maxAge !== undefined) {
    if (evidence.authTime === null) {
      throw new Problem('login_refused', { reason: 'auth_time_missing' });
    }
    // Whole seconds, as ID tokens have them.
    if (Math.floor(evidence.authTime / 1000) + maxAge < startedAt) {
      throw new Problem('login_refused', { reason: 'login_too_old' });
    }
  }
  if (acr !== undefined && evidence.acr !== acr) {
    throw new Problem('login_refused', { reason: 'second_factor_missing' });
  }
}
