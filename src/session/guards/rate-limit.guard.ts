import { type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { replyOf, requestOf } from '../../platform/http/http-context.js';
import { type LimitCheck, RateLimits, addressCheck } from '../../directory/rate-limit/rate-limits.js';
import { principalOf } from '../principal.js';
import { type PartialGuard, perRoute } from './route-metadata.js';
import { RATE_LIMITED, type RouteLimit } from './rate-limited.decorators.js';

/**
 * Counts requests to `@RateLimited()` routes. It is a guard and not a hook by path, so that every spelling of a path
 * that reaches a route is counted. It runs after the session guard: logged-in users have a count of their own, whatever
 * others do at their address.
 */
@Injectable()
export class RateLimitGuard implements PartialGuard {
  readonly #limitOf: (context: ExecutionContext) => RouteLimit | undefined;

  constructor(
    reflector: Reflector,
    private readonly limits: RateLimits,
  ) {
    this.#limitOf = perRoute((places) =>
      reflector.getAllAndOverride<RouteLimit | undefined>(RATE_LIMITED, places),
    );
  }

  isNeeded(context: ExecutionContext): boolean {
    return this.#limitOf(context) !== undefined;
  }

  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const limit = this.#limitOf(context);
    return limit === undefined || this.#count(limit, context);
  }

  async #count(limit: RouteLimit, context: ExecutionContext): Promise<boolean> {
    const request = requestOf(context);
    const reply = replyOf(context);
    const onSuccess = limit.counts === 'all' ? 'keep' : 'return';
    const subject = principalOf(request)?.claims.sub;
    const check: LimitCheck =
      subject === undefined
        ? addressCheck(request, limit.policy, onSuccess)
        : { policy: limit.policy, key: `user:${subject}`, onSuccess };
    await this.limits.take(reply, [check]);
    return true;
  }
}
