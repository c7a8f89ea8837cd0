import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { Clock } from '../core/clock.service.js';
import { Problem } from '../core/problem.error.js';
import { requestOf } from '../http/http.context.js';
import { ACCESS, type Access } from './access.decorators.js';
import type { Claims } from './claims.schema.js';
import { principalOf } from './principal.js';
import { perRoute } from './route.metadata.js';
import { AAL2, AUTH_AGE } from './step-up.decorators.js';

/** What a route asks of a login. */
interface Requirement {
  /** Seconds since credentials were given, at most; undefined when any age will do. */
  readonly maxAge: number | undefined;
  readonly needsAal2: boolean;
  readonly isPublic: boolean;
}

/**
 * Holds `@RequireAuthAge()` and `@RequireAal2()`, from the claims alone. It runs after the session guard, which knows whose
 * claims they are.
 */
@Injectable()
export class StepUpGuard implements CanActivate {
  readonly #requirementOf: (context: ExecutionContext) => Requirement;
  readonly #clock: Clock;

  constructor(reflector: Reflector, clock: Clock) {
    this.#requirementOf = perRoute((places) => {
      const ages = reflector.getAll<(number | undefined)[]>(AUTH_AGE, places);
      const given = ages.filter((age) => age !== undefined);
      return {
        maxAge: given.length === 0 ? undefined : Math.min(...given),
        needsAal2: reflector.getAllAndOverride<true | undefined>(AAL2, places) === true,
        isPublic: reflector.getAllAndOverride<Access | undefined>(ACCESS, places) === 'public',
      };
    });
    this.#clock = clock;
  }

  canActivate(context: ExecutionContext): boolean {
    const requirement = this.#requirementOf(context);
    if (requirement.maxAge === undefined && !requirement.needsAal2) {
      return true;
    }
    const claims = principalOf(requestOf(context))?.claims;
    if (claims === undefined) {
      // Nobody looks for a session on a public route, so no login could ever open it: no redirect, which would not end.
      throw new Problem(requirement.isPublic ? 'forbidden' : 'unauthenticated', {
        reason: 'step_up_without_session',
      });
    }
    const reason = missingIn(claims, requirement, this.#clock.seconds());
    if (reason !== undefined) {
      throw challenge(requirement, reason);
    }
    return true;
  }
}

/** @returns the reason id, or nothing when the claims do. */
function missingIn(claims: Claims, { maxAge, needsAal2 }: Requirement, now: number): string | undefined {
  if (needsAal2 && claims.acr !== 'aal2') {
    return 'second_factor_missing';
  }
  return maxAge !== undefined && now - claims.auth_time > maxAge ? 'login_too_old' : undefined;
}

/** RFC 9470 section 3: the answer names everything that the route asks for, so that one login is enough. */
function challenge({ maxAge, needsAal2 }: Requirement, reason: string): Problem {
  const parameters = [
    ...(maxAge === undefined ? [] : [['max_age', String(maxAge)]]),
    ...(needsAal2 ? [['acr_values', 'aal2']] : []),
  ];
  const wanted = parameters.map(([name, value]) => `, ${name}="${value}"`).join('');
  return new Problem('reauthentication_required', {
    reason,
    headers: { 'www-authenticate': `Bearer error="insufficient_user_authentication"${wanted}` },
    loginUrl: `/auth/login?${new URLSearchParams(parameters)}`,
  });
}
