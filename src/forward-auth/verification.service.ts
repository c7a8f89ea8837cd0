import { Inject, Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CONFIGURATION } from '../platform/config/config.module.js';
import type { Configuration } from '../platform/config/configuration.js';
import { Problem } from '../platform/errors/problem.error.js';
import { type TrustedOrigins, refuseCrossSite, trustedAt } from '../platform/http/cross-site.guard.js';
import { applicationHostOf } from '../platform/http/application-hosts.js';
import { type AccessRequirement, type VerificationPage, authorize } from '../session/guards/authorization.js';
import { principalOf } from '../session/principal.js';
import { verificationOf } from '../session/guards/verified-email.guard.js';
import { applicationCookies } from './application-cookies.js';
import { identityHeaders } from './identity-headers.js';
import { isHandshake, originalRequest } from '../platform/http/original-request.js';
import { UpstreamToken } from './upstream-token.js';
import { type Requirements, VerifyRequirements, accessRequirementsOf } from './verify-requirements.js';

/** The method to assume if the original one isn't known: any that changes something. */
const changing = 'POST';

/** Decides whether the original request of a sub-request may continue, and identifies the caller to the upstream. */
@Injectable()
export class Verification {
  readonly #trusted: TrustedOrigins;
  readonly #verification: VerificationPage;
  /** By what the sub-request requires, for all hosts that require nothing themselves: almost all requests need the same. */
  readonly #accessOf = new WeakMap<Requirements, readonly AccessRequirement[]>();

  constructor(
    private readonly token: UpstreamToken,
    private readonly requirements: VerifyRequirements,
    @Inject(CONFIGURATION) configuration: Configuration,
  ) {
    this.#verification = verificationOf(configuration);
    this.#trusted = { own: configuration.PUBLIC_URL, others: new Set(configuration.ALLOWED_ORIGINS) };
  }

  /**
   * Answers 200 with the caller's identity. It is synchronous unless a token must be minted for an API key.
   * @throws {Problem} `unauthenticated`, `malformed_request`, `validation_failed`, `cross_site_request`, `forbidden`, `email_unverified`,
   *   `insufficient_scope`, `reauthentication_required`
   */
  answer(request: FastifyRequest, reply: FastifyReply): void | Promise<void> {
    const principal = principalOf(request);
    if (principal === undefined) {
      throw new Problem('unauthenticated', { reason: 'no_principal' });
    }
    refuseOtherSpellings(request);
    const requirements = this.requirements.of(request);
    const { method = changing } = originalRequest(request);
    const trusted = trustedAt(request, this.#trusted);
    refuseCrossSite(request, trusted, isHandshake(request) ? changing : method);
    for (const requirement of this.#accessRequirements(request, requirements)) {
      authorize(principal.claims, requirement);
    }
    const { cookie } = request.headers;
    const send = (token: string): void => {
      if (requirements.cookies !== undefined && cookie !== undefined) {
        // Also if none is left: the proxy replaces what it has received by this.
        void reply.header('cookie', applicationCookies(cookie));
      }
      void reply
        .code(200)
        .headers(identityHeaders(principal.claims))
        .header('authorization', `${principal.claims.cnf === undefined ? 'Bearer' : 'DPoP'} ${token}`)
        .send('');
    };
    const token = this.token.of(request, principal);
    return token instanceof Promise ? token.then(send) : send(token);
  }

  #accessRequirements(request: FastifyRequest, requirements: Requirements): readonly AccessRequirement[] {
    const host = applicationHostOf(request)?.requirement;
    if (host !== undefined) {
      return accessRequirementsOf(requirements, host, this.#verification);
    }
    const found = this.#accessOf.get(requirements);
    if (found !== undefined) {
      return found;
    }
    const needed = accessRequirementsOf(requirements, undefined, this.#verification);
    this.#accessOf.set(requirements, needed);
    return needed;
  }
}

/** A name that PHP and some CGI servers can't tell from one of ours. Proxies remove the spellings with hyphens and underscores. */
const otherSpelling = /^x[^a-z\d]auth[^a-z\d]/;

/** @throws {Problem} `malformed_request` for a header that the application might read as one of ours. */
function refuseOtherSpellings({ headers }: FastifyRequest): void {
  for (const name in headers) {
    if (otherSpelling.test(name) && /[^a-z\d_-]/.test(name)) {
      throw new Problem('malformed_request', { reason: 'identity_header_spelling' });
    }
  }
}
