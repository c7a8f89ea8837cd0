import { Inject, Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CONFIGURATION } from '../config/config.module.js';
import type { Configuration } from '../config/configuration.js';
import { Problem } from '../core/problem.error.js';
import { type TrustedOrigins, refuseCrossSite } from '../http/cross-site.guard.js';
import { principalOf } from '../session/principal.js';
import { verificationOf } from '../session/verified.email.guard.js';
import { identityHeaders } from './identity.headers.js';
import { isHandshake, originalRequest } from './original.request.js';
import { UpstreamToken } from './upstream.token.js';
import { requireClaims, requirementsOf } from './verify.requirements.js';

/** Any method that changes something, where the original one isn't known. */
const changing = 'POST';

/** Decides whether the original request of a sub-request may go on, and as whose. */
@Injectable()
export class Verification {
  readonly #token: UpstreamToken;
  readonly #trusted: TrustedOrigins;
  readonly #verification: { readonly loginUrl?: string };

  constructor(token: UpstreamToken, @Inject(CONFIGURATION) configuration: Configuration) {
    this.#token = token;
    this.#verification = verificationOf(configuration);
    this.#trusted = { own: configuration.PUBLIC_URL, others: new Set(configuration.ALLOWED_ORIGINS) };
  }

  /**
   * Answers 200 with the caller's identity: at once where the request carries the token, which is nearly always.
   * @throws {Problem} `validation_failed`, `cross_site_request`, `forbidden`, `email_unverified`, `insufficient_scope`
   */
  answer(request: FastifyRequest, reply: FastifyReply): void | Promise<void> {
    const principal = principalOf(request);
    if (principal === undefined) {
      throw new Problem('unauthenticated', { reason: 'no_principal' });
    }
    const requirements = requirementsOf(request);
    const { method = changing } = originalRequest(request);
    refuseCrossSite(request, this.#trusted, isHandshake(request) ? changing : method);
    requireClaims(principal.claims, requirements, this.#verification);
    const send = (token: string): void => {
      void reply
        .code(200)
        .headers(identityHeaders(principal.claims))
        .header('authorization', `Bearer ${token}`)
        .send('');
    };
    const token = this.#token.of(request, principal);
    return token instanceof Promise ? token.then(send) : send(token);
  }
}
