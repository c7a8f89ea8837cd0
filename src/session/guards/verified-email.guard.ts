import { type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { Configuration } from '../../platform/config/configuration.js';
import { Problem } from '../../platform/errors/problem.error.js';
import { requestOf } from '../../platform/http/http-context.js';
import { ACCESS, type Access, type EmailDemand, REQUIRED_EMAIL } from './access.decorators.js';
import { type VerificationPage, requireVerifiedEmail } from './authorization.js';
import { principalOf } from '../principal.js';
import { type PartialGuard, perRoute } from './route-metadata.js';

interface Requirement {
  readonly email: EmailDemand | undefined;
  readonly access: Access | undefined;
}

/** The guard of `@RequireVerifiedEmail()` and the setting `REQUIRE_VERIFIED_EMAIL`, which decides from the claims alone. */
@Injectable()
export class VerifiedEmailGuard implements PartialGuard {
  readonly #requirementOf: (context: ExecutionContext) => Requirement;
  readonly #isRequired: boolean;
  readonly #page: VerificationPage;

  constructor(reflector: Reflector, @Inject(CONFIGURATION) configuration: Configuration) {
    this.#requirementOf = perRoute((places) => ({
      email: reflector.getAllAndOverride<EmailDemand | undefined>(REQUIRED_EMAIL, places),
      access: reflector.getAllAndOverride<Access | undefined>(ACCESS, places),
    }));
    this.#isRequired = configuration.REQUIRE_VERIFIED_EMAIL;
    this.#page = verificationOf(configuration);
  }

  isNeeded(context: ExecutionContext): boolean {
    const { email = this.#isRequired ? 'verified' : 'any' } = this.#requirementOf(context);
    return email !== 'any';
  }

  canActivate(context: ExecutionContext): boolean {
    const { email, access } = this.#requirementOf(context);
    const claims = principalOf(requestOf(context))?.claims;
    if (claims === undefined) {
      // A route that is open to all callers is open without a session too; a route that requires an address is not.
      if (access !== undefined && email === undefined) {
        return true;
      }
      throw new Problem(access === 'public' ? 'forbidden' : 'unauthenticated', { reason: 'no_principal' });
    }
    requireVerifiedEmail(claims, this.#page);
    return true;
  }
}

/** The page on which browsers verify their addresses under this configuration. */
export function verificationOf({ AUTH_PROVIDER }: Configuration): VerificationPage {
  return AUTH_PROVIDER === 'ory' ? { loginUrl: '/ui/verification' } : {};
}
