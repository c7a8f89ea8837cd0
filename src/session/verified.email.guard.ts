import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { CONFIGURATION } from '../config/config.module.js';
import type { Configuration } from '../config/configuration.js';
import { Problem } from '../core/problem.error.js';
import { requestOf } from '../http/http.context.js';
import { ACCESS, type Access, type EmailDemand, REQUIRED_EMAIL } from './access.decorators.js';
import type { Claims } from './claims.schema.js';
import { principalOf } from './principal.js';
import { perRoute } from './route.metadata.js';

interface Requirement {
  readonly email: EmailDemand | undefined;
  readonly access: Access | undefined;
}

/** Holds `@RequireVerifiedEmail()` and the setting `REQUIRE_VERIFIED_EMAIL`, from the claims alone. */
@Injectable()
export class VerifiedEmailGuard implements CanActivate {
  readonly #requirementOf: (context: ExecutionContext) => Requirement;
  readonly #isRequired: boolean;
  readonly #loginUrl: { readonly loginUrl?: string };

  constructor(reflector: Reflector, @Inject(CONFIGURATION) configuration: Configuration) {
    this.#requirementOf = perRoute((places) => ({
      email: reflector.getAllAndOverride<EmailDemand | undefined>(REQUIRED_EMAIL, places),
      access: reflector.getAllAndOverride<Access | undefined>(ACCESS, places),
    }));
    this.#isRequired = configuration.REQUIRE_VERIFIED_EMAIL;
    this.#loginUrl = verificationOf(configuration);
  }

  canActivate(context: ExecutionContext): boolean {
    const { email = this.#isRequired ? 'verified' : 'any', access } = this.#requirementOf(context);
    if (email === 'any') {
      return true;
    }
    const claims = principalOf(requestOf(context))?.claims;
    if (claims === undefined) {
      // What is open to anyone is open without a session too; a route that asks for an address is not.
      if (access !== undefined && this.#requirementOf(context).email === undefined) {
        return true;
      }
      throw new Problem(access === 'public' ? 'forbidden' : 'unauthenticated', { reason: 'no_principal' });
    }
    requireVerifiedEmail(claims, this.#loginUrl);
    return true;
  }
}

/** Where a browser verifies its address: nowhere here when another provider does that. */
export function verificationOf({ AUTH_PROVIDER }: Configuration): { readonly loginUrl?: string } {
  return AUTH_PROVIDER === 'ory' ? { loginUrl: '/ui/verification' } : {};
}

/** @throws {Problem} `email_unverified` */
export function requireVerifiedEmail(claims: Claims, verification: { readonly loginUrl?: string }): void {
  const isMachine =
    claims.email === undefined &&
    claims.amr.some((method) => method === 'api_key' || method === 'client_credentials');
  if (!claims.email_verified && !isMachine) {
    throw new Problem('email_unverified', { reason: 'email_unverified', ...verification });
  }
}
