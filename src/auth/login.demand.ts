import { z } from 'zod';
import { Problem } from '../core/problem.error.js';
import type { LoginEvidence } from '../session/session.service.js';

/** A year, in seconds. */
const longestAge = 365 * 86_400;

const maxAgeSchema = z
  .stringFormat('seconds', /^\d{1,8}$/)
  .transform(Number)
  .pipe(z.int().max(longestAge));
const acrSchema = z.literal('aal2');

/** What a login must be good for (OpenID Connect Core section 3.1.2.1, RFC 9470 section 4). */
export const loginDemandSchema = z.object({
  /** Seconds since credentials were given, at most, counted from the start of the login; 0 asks for them anew. */
  maxAge: z.int().nonnegative().optional(),
  /** `aal2`: a second factor must be given. */
  acr: acrSchema.optional(),
});

/** What a login must be good for; empty for any login. */
export type LoginDemand = z.output<typeof loginDemandSchema>;

/** `max_age` and `acr_values` of a query → what is demanded. Whatever isn't understood is not. */
export function loginDemandOf(query: Readonly<Record<string, unknown>>): LoginDemand {
  const maxAge = maxAgeSchema.safeParse(query['max_age']);
  const acr = acrSchema.safeParse(query['acr_values']);
  return { ...(maxAge.success ? { maxAge: maxAge.data } : {}), ...(acr.success ? { acr: acr.data } : {}) };
}

/** A demand as parameters of an authorization request. @param secondFactor the provider's own name of `aal2`. */
export function demandParameters(
  { maxAge, acr }: LoginDemand,
  secondFactor = 'aal2',
): Readonly<Record<string, string>> {
  return {
    ...(maxAge === undefined ? {} : { max_age: String(maxAge) }),
    ...(acr === undefined ? {} : { acr_values: secondFactor }),
  };
}

/**
 * The same for any OpenID provider: only where `max_age` was asked for must an ID token say when credentials were given
 * (OpenID Connect Core section 2), so a login for which any age will do asks for an age that none exceeds.
 */
export function openIdDemandParameters(
  demand: LoginDemand,
  secondFactor?: string,
): Readonly<Record<string, string>> {
  return demandParameters({ maxAge: longestAge, ...demand }, secondFactor);
}

/**
 * Holds a login against what was demanded: a provider may ignore it, and must not fake a step-up by that (OpenID Connect Core
 * section 3.1.3.7, steps 12 and 13).
 * @param startedAt of the login, in seconds since the epoch.
 * @throws {Problem} `login_refused`
 */
export function requireMet(
  { maxAge, acr }: LoginDemand,
  evidence: Pick<LoginEvidence, 'authTime' | 'acr'>,
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
