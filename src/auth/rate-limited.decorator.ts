import { SetMetadata } from '@nestjs/common';

/** Metadata key of {@link RateLimited}. */
export const RATE_LIMITED = 'vestibule:rate-limited';

/** Policies that a route may name; both count by address, or by user where somebody is logged in. */
export interface RouteLimit {
  readonly policy: 'start-address' | 'token-address' | 'logout-address' | 'domain-address';
  /** `all` requests count, or only `failures`. */
  readonly counts: 'all' | 'failures';
}

/** Limits how often a route may be asked (docs/security.md). */
export const RateLimited = (
  policy: RouteLimit['policy'],
  counts: RouteLimit['counts'] = 'failures',
): ReturnType<typeof SetMetadata> => SetMetadata<string, RouteLimit>(RATE_LIMITED, { policy, counts });
