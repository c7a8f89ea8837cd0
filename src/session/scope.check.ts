import { Problem } from '../core/problem.error.js';
import type { Claims } from './claims.schema.js';
import { uncovered } from './scopes.js';

/**
 * Holds a token's scope against what is wanted of it; `api` covers every scope.
 * @throws {Problem} `insufficient_scope`, with a challenge that names what is missing (RFC 6750 section 3.1).
 */
export function assertScope(
  { scope }: Pick<Claims, 'scope'>,
  wanted: readonly string[],
  reason = 'scope_missing',
): void {
  const missing = uncovered(scope, wanted);
  if (missing.length > 0) {
    const list = missing.join(' ');
    throw new Problem('insufficient_scope', {
      detail: `Requires the scope ${list}.`,
      reason,
      headers: { 'www-authenticate': `Bearer error="insufficient_scope", scope="${list}"` },
    });
  }
}
