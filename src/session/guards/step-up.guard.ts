import { type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { Configuration } from '../../platform/config/configuration.js';
import { Clock } from '../../platform/time/clock.service.js';
import { timestampOf } from '../../platform/core/identifier.js';
import { Problem } from '../../platform/errors/problem.error.js';
import { requestOf } from '../../platform/http/http-context.js';
import { ACCESS, type Access } from './access.decorators.js';
import type { Claims } from '../tokens/claims.schema.js';
import { isOfSession, principalOf } from '../principal.js';
import { type RequiredLogin, loginChallenge } from './login-challenge.js';
import { type PartialGuard, perRoute } from './route-metadata.js';
import { AAL2, AUTH_AGE, RECENT_LOGIN, type RecentLoginRule } from './step-up.decorators.js';

/** What a route requires of a login. */
interface Requirement extends RequiredLogin {
  readonly recentLogin: RecentLoginRule | undefined;
  readonly isPublic: boolean;
}

/**
 * The guard of `@RequireAuthAge()`, `@RequireRecentLogin()` and `@RequireAal2()`, which decides from the claims alone. It runs
 * after the session guard, which finds the claims.
 */
@Injectable()
export class StepUpGuard implements PartialGuard {
  readonly #requirementOf: (context: ExecutionContext) => Requirement;
  readonly #recently: number;

  constructor(
    reflector: Reflector,
    private readonly clock: Clock,
    @Inject(CONFIGURATION) configuration: Configuration,
  ) {
    this.#recently = configuration.SENSITIVE_AUTH_AGE;
    this.#requirementOf = perRoute((places) => {
      const ages = reflector.getAll<(number | undefined)[]>(AUTH_AGE, places);
      const given = ages.filter((age) => age !== undefined);
      return {
        maxAge: given.length === 0 ? undefined : Math.min(...given),
        needsAal2: reflector.getAllAndOverride<true | undefined>(AAL2, places) === true,
        recentLogin: reflector.getAllAndOverride<RecentLoginRule | undefined>(RECENT_LOGIN, places),
        isPublic: reflector.getAllAndOverride<Access | undefined>(ACCESS, places) === 'public',
      };
    });
  }

  isNeeded(context: ExecutionContext): boolean {
    const { maxAge, needsAal2, recentLogin } = this.#requirementOf(context);
    return maxAge !== undefined || needsAal2 || recentLogin !== undefined;
  }

  canActivate(context: ExecutionContext): boolean {
    const requirement = this.#requirementOf(context);
    const { recentLogin } = requirement;
    const request = requestOf(context);
    const claims = principalOf(request)?.claims;
    if (claims === undefined) {
      // A public route looks for no session, so no login could ever open it. There is no redirect: it would never end.
      throw new Problem(requirement.isPublic ? 'forbidden' : 'unauthenticated', {
        reason: 'step_up_without_session',
      });
    }
    const now = this.clock.seconds();
    const reason = missingIn(claims, requirement, now);
    if (reason !== undefined) {
      throw loginChallenge(requirement, reason);
    }
    if (recentLogin !== undefined && isOfSession(claims) && recentLogin(request.body)) {
      // Some providers don't report when credentials were given: then the session is as old as they are, or older.
      const loggedInAt = claims.auth_time === 0 ? timestampOf(claims.sid) / 1000 : claims.auth_time;
      if (now - loggedInAt > this.#recently) {
        throw loginChallenge({ maxAge: this.#recently, needsAal2: false }, 'login_too_old');
      }
    }
    return true;
  }
}

/** Whether the claims meet a requirement. @returns the reason id if they don't, else undefined. */
function missingIn(claims: Claims, { maxAge, needsAal2 }: RequiredLogin, now: number): string | undefined {
  if (needsAal2 && claims.acr !== 'aal2') {
    return 'second_factor_missing';
  }
  return maxAge !== undefined && now - claims.auth_time > maxAge ? 'login_too_old' : undefined;
}
