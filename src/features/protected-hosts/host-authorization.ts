import { Inject, Injectable } from '@nestjs/common';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { Configuration } from '../../platform/config/configuration.js';
import { Problem } from '../../platform/errors/problem.error.js';
import { requirementOf } from '../../session/guards/access.query.js';
import { type VerificationPage, authorize } from '../../session/guards/authorization.js';
import { verificationOf } from '../../session/guards/verified-email.guard.js';
import { type Principal, hasSession } from '../../session/principal.js';
import { HostCodeRepository } from './host-code.repository.js';
import type { HostAuthorizationRequest } from './host-login.schemas.js';
import { hostRoutes } from './protected-host.js';
import { ProtectedHosts } from './protected-hosts.js';

/** Gives a browser that is logged in at `PUBLIC_URL` the code with which it gets a cookie on a protected host. */
@Injectable()
export class HostAuthorization {
  readonly #verification: VerificationPage;

  constructor(
    private readonly codes: HostCodeRepository,
    private readonly hosts: ProtectedHosts,
    @Inject(CONFIGURATION) configuration: Configuration,
  ) {
    this.#verification = verificationOf(configuration);
  }

  /**
   * Makes a code. What the host requires is decided here and not only at its requests: a user who doesn't meet it is told so, and isn't
   * sent back and forth.
   * @param principal the user who is logged in in this browser, if any.
   * @returns where on the host the browser redeems it.
   * @throws {Problem} `wrong_host` for a host that isn't protected, `unauthenticated` without a session, and what `authorize` throws.
   */
  async issue(request: HostAuthorizationRequest, principal: Principal | undefined): Promise<string> {
    const host = this.hosts.find(request.host);
    if (host === undefined) {
      throw new Problem('wrong_host', { reason: 'host_not_protected' });
    }
    if (principal?.credential !== 'cookie' || !hasSession(principal)) {
      throw new Problem('unauthenticated', { reason: 'host_login_without_session' });
    }
    const { claims } = principal;
    const { acr_values: acr, verified } = request;
    for (const query of [host.requirement, { acr, verified }]) {
      authorize(claims, requirementOf(query, this.#verification));
    }
    const code = await this.codes.issue({
      session_id: claims.sid,
      host: host.host,
      challenge: request.challenge,
      return_to: host.returnTo(request.return_to),
    });
    return `${host.origin}${hostRoutes}/callback?${new URLSearchParams({ code })}`;
  }
}
