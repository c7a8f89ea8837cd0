import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type LimitCheck, RateLimits, addressCheck } from '../limits/rate.limits.js';
import { principalOf } from '../session/principal.js';
import { RATE_LIMITED, type RouteLimit } from './rate-limited.decorator.js';

/**
 * Counts requests to `@RateLimited()` routes. It's a guard and no hook by path, so that whatever spelling of a path reaches a
 * route is counted. After the session guard: who is logged in is counted as themselves, whatever others do at their address.
 */
@Injectable()
export class RateLimitGuard implements CanActivate {
  readonly #reflector: Reflector;
  readonly #limits: RateLimits;

  constructor(reflector: Reflector, limits: RateLimits) {
    this.#reflector = reflector;
    this.#limits = limits;
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const limit = this.#reflector.get<RouteLimit | undefined>(RATE_LIMITED, context.getHandler());
    if (limit === undefined) {
      return true;
    }
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    const onSuccess = limit.counts === 'all' ? 'keep' : 'return';
    const subject = principalOf(request)?.claims.sub;
    const check: LimitCheck =
      subject === undefined
        ? addressCheck(request, limit.policy, onSuccess)
        : { policy: limit.policy, key: `user:${subject}`, onSuccess };
    await this.#limits.take(request, reply, [check]);
    return true;
  }
}
