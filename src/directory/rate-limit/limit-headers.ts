import type { RatePolicy, RatePolicyName } from '../../platform/config/rate-limit.parser.js';

/** A caller's state under one policy. */
export interface LimitState {
  readonly name: RatePolicyName;
  readonly policy: RatePolicy;
  readonly remaining: number;
  /** Seconds until the count starts again. */
  readonly reset: number;
}

/** `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-11): lists of structured fields. */
export function rateLimitHeaders(states: readonly LimitState[]): Record<string, string> {
  // A policy that a request counts twice (for two accounts) is one member, because the list names policies.
  const tightest = new Map<RatePolicyName, LimitState>();
  for (const state of states) {
    const known = tightest.get(state.name);
    if (known === undefined || state.remaining < known.remaining) {
      tightest.set(state.name, state);
    }
  }
  const members = [...tightest.values()];
  return {
    'ratelimit-policy': members
      .map(({ name, policy }) => `"${name}";q=${policy.points};w=${policy.window}`)
      .join(', '),
    ratelimit: members.map(({ name, remaining, reset }) => `"${name}";r=${remaining};t=${reset}`).join(', '),
  };
}
