import type { FastifyRequest } from 'fastify';
import { Problem } from '../errors/problem.error.js';
import { type ProtectedHost, hostRoutes } from './protected.hosts.js';
import { safeReturnTo } from './return.target.js';

/** Where a login begins on a protected host. */
export const hostLoginPath = `${hostRoutes}/login`;

/** The gateway's own paths on a host, to which no login leads. */
const ownRoutes = new RegExp(`^${hostRoutes.replace('.', '\\.')}(?:[/?#]|$)`);

/** A `return_to` parameter → a path on a host that is safe to redirect to, else `/`. @param origin of the host. */
export function returnToOn(origin: string, value: unknown): string {
  return safeReturnTo(value, origin, ownRoutes);
}

/** The page at `PUBLIC_URL` at which a requirement is met → the query with which a host's login asks for the same. */
function raisedQuery({ code, loginUrl = '' }: Problem): string {
  if (code === 'email_unverified') {
    return '?verified=true';
  }
  return new URLSearchParams(loginUrl.split('?')[1]).get('acr_values') === 'aal2' ? '?acr_values=aal2' : '';
}

/**
 * A refusal as a protected host gives it: if a login there helps, the answer states where, in `loginUrl` and in the challenge
 * (some proxies pass on only headers of a refusal). It helps without a session, and with one that lacks a second factor or a verified
 * address.
 */
export function atHost(problem: Problem, host: ProtectedHost, { headers }: FastifyRequest): Problem {
  const { code, loginUrl } = problem;
  if (code !== 'unauthenticated' && loginUrl === undefined) {
    return problem;
  }
  const path = hostLoginPath + raisedQuery(problem);
  const invalid = headers.authorization === undefined ? '' : ' error="invalid_token",';
  const challenge = problem.headers['www-authenticate'] ?? `Bearer${invalid}`;
  const separator = challenge === 'Bearer' || challenge.endsWith(',') ? ' ' : ', ';
  return new Problem(code, {
    ...(problem.detail === undefined ? {} : { detail: problem.detail }),
    ...(problem.reason === undefined ? {} : { reason: problem.reason }),
    headers: {
      ...problem.headers,
      ...(problem.definition.status === 401
        ? { 'www-authenticate': `${challenge}${separator}login_uri="${host.origin}${path}"` }
        : {}),
    },
    loginUrl: path,
    cause: problem,
  });
}
