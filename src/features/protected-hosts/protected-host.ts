import type { FastifyRequest } from 'fastify';
import type { AccessQuery } from '../../platform/config/access-query.parser.js';
import { Problem } from '../../platform/errors/problem.error.js';
import type { ApplicationHost } from '../../platform/http/application-hosts.js';
import { safeReturnTo } from '../../platform/http/return-target.js';

/** The first part of every path at which the gateway itself answers on a protected host. */
export const hostRoutes = '/.vestibule';

/** The gateway's own paths on a host, to which no login leads. */
const ownRoutes = new RegExp(`^${hostRoutes.replace('.', '\\.')}(?:[/?#]|$)`);

/** A host of `PROTECTED_HOSTS`. */
export class ProtectedHost implements ApplicationHost {
  readonly loginPath = `${hostRoutes}/login`;

  /** @param host as browsers send it: in lower case, with the port if it isn't the scheme's. */
  constructor(
    readonly host: string,
    readonly origin: string,
    readonly requirement: AccessQuery,
  ) {}

  returnTo(value: unknown): string {
    return safeReturnTo(value, this.origin, ownRoutes);
  }

  /**
   * A refusal as a protected host gives it: if a login there helps, the answer states where, in `loginUrl` and in the challenge
   * (some proxies pass on only headers of a refusal). It helps without a session, and with one that lacks a second factor or a verified
   * address.
   */
  refusal(problem: Problem, { headers }: FastifyRequest): Problem {
    const { code, loginUrl } = problem;
    if (code !== 'unauthenticated' && loginUrl === undefined) {
      return problem;
    }
    const path = this.loginPath + raisedQuery(problem);
    const invalid = headers.authorization === undefined ? '' : ' error="invalid_token",';
    const challenge = problem.headers['www-authenticate'] ?? `Bearer${invalid}`;
    const separator = challenge === 'Bearer' || challenge.endsWith(',') ? ' ' : ', ';
    return new Problem(problem.definition, {
      ...(problem.detail === undefined ? {} : { detail: problem.detail }),
      ...(problem.reason === undefined ? {} : { reason: problem.reason }),
      headers: {
        ...problem.headers,
        ...(problem.definition.status === 401
          ? { 'www-authenticate': `${challenge}${separator}login_uri="${this.origin}${path}"` }
          : {}),
      },
      loginUrl: path,
      cause: problem,
    });
  }
}

/** The page at `PUBLIC_URL` at which a requirement is met → the query with which a host's login asks for the same. */
function raisedQuery({ code, loginUrl = '' }: Problem): string {
  if (code === 'email_unverified') {
    return '?verified=true';
  }
  return new URLSearchParams(loginUrl.split('?')[1]).get('acr_values') === 'aal2' ? '?acr_values=aal2' : '';
}
