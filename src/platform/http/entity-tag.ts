import { Problem } from '../errors/problem.error.js';

/** A row's version → the `ETag` of its answers. */
export function entityTag(version: number): string {
  return `"${version}"`;
}

/**
 * Refuses a change that was made from an older version (RFC 9110 section 13.1.1).
 * @param ifMatch the request's header; without one, the last writer wins.
 * @throws {Problem} `precondition_failed`
 */
export function requireMatch(ifMatch: string | undefined, version: number): void {
  if (ifMatch === undefined || ifMatch.trim() === '*') {
    return;
  }
  // A strong comparison: a weak tag never matches.
  const tags = ifMatch.split(',').map((tag) => tag.trim());
  if (!tags.includes(entityTag(version))) {
    throw new Problem('precondition_failed', { reason: 'version_changed' });
  }
}
