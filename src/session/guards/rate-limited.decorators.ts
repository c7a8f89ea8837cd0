import { SetMetadata } from '@nestjs/common';

/** Metadata key of {@link RateLimited}. */
export const RATE_LIMITED = 'vestibule:rate-limited';

/** The policies that a route may name. They count by address; callers with a session or key count as themselves. */
export interface RouteLimit {
  readonly policy:
    | 'start-address'
    | 'token-address'
    | 'logout-address'
    | 'signal-address'
    | 'client-address'
    | 'creation-address'
    | 'domain-address'
    | 'connection-address';
  /** `all` requests count, or only `failures`. */
  readonly counts: 'all' | 'failures';
}

/** Limits how often a route, or each route of a controller, may be called (docs/security.md). */
export const RateLimited = (
  policy: RouteLimit['policy'],
  counts: RouteLimit['counts'] = 'failures',
): ReturnType<typeof SetMetadata> => SetMetadata<string, RouteLimit>(RATE_LIMITED, { policy, counts });
