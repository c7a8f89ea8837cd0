import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { AccessGuard } from './access.guard.js';
import { RateLimitGuard } from './rate-limit.guard.js';
import { type PartialGuard, perRoute } from './route-metadata.js';
import { SessionGuard } from './session.guard.js';
import { StepUpGuard } from './step-up.guard.js';
import { VerifiedEmailGuard } from './verified-email.guard.js';

/** The guard of every route: runs those guards that have something to do there. */
@Injectable()
export class RouteGuard implements CanActivate {
  readonly #neededOn: (context: ExecutionContext) => readonly PartialGuard[];

  constructor(
    session: SessionGuard,
    rateLimit: RateLimitGuard,
    verifiedEmail: VerifiedEmailGuard,
    access: AccessGuard,
    stepUp: StepUpGuard,
  ) {
    // They run in this order: those after the first need the caller of the request.
    const guards: readonly PartialGuard[] = [session, rateLimit, verifiedEmail, access, stepUp];
    this.#neededOn = perRoute((_places, context) => guards.filter((guard) => guard.isNeeded(context)));
  }

  /** @returns synchronously unless one of them has to be awaited. */
  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    return activate(this.#neededOn(context), 0, context);
  }
}

/** Runs guards from an index on, until one refuses. */
function activate(
  guards: readonly PartialGuard[],
  from: number,
  context: ExecutionContext,
): boolean | Promise<boolean> {
  for (let index = from; index < guards.length; index += 1) {
    const result = guards[index]?.canActivate(context);
    if (result instanceof Promise) {
      return result.then((isAdmitted) => isAdmitted && activate(guards, index + 1, context));
    }
    if (result !== true) {
      return false;
    }
  }
  return true;
}
