import type { FastifyRequest } from 'fastify';
import { Problem } from '../errors/problem.error.js';
import { applicationHostOf } from './application-hosts.js';

const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Whether a method changes nothing (RFC 9110 section 9.2.1). */
export function isSafeMethod(method: string): boolean {
  return safeMethods.has(method);
}

/** The origins whose pages may send state-changing requests. */
export interface TrustedOrigins {
  /** The deployment's own origin. */
  readonly own: string;
  /** `ALLOWED_ORIGINS`. */
  readonly others: ReadonlySet<string>;
}

/** The same origins at the host that a request is for: on a host of applications, its own origin takes the place of `PUBLIC_URL`. */
export function trustedAt(request: FastifyRequest, trusted: TrustedOrigins): TrustedOrigins {
  const host = applicationHostOf(request);
  return host === undefined ? trusted : { own: host.origin, others: trusted.others };
}

/**
 * Refuses state-changing requests that a browser sends from another site (CSRF), by Origin and Fetch Metadata.
 *
 * A caller that sends neither header isn't a browser with a user's cookies. `Origin: null` (sandboxed frames, redirects across
 * origins) is another site. Source: OWASP CSRF Prevention, Fetch Metadata.
 * @param method of the request that is checked, if a proxy asks about another one.
 * @throws {Problem} `cross_site_request`
 */
export function refuseCrossSite(
  request: Pick<FastifyRequest, 'headers' | 'method'>,
  trusted: TrustedOrigins,
  method = request.method,
): void {
  const { origin } = request.headers;
  if (isSafeMethod(method) || (origin !== undefined && trusted.others.has(origin))) {
    return;
  }
  if (origin !== undefined && origin !== trusted.own) {
    throw new Problem('cross_site_request', { reason: 'foreign_origin' });
  }
  const site = request.headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin' && site !== 'none') {
    throw new Problem('cross_site_request', { reason: 'fetch_metadata' });
  }
}
