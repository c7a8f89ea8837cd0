import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '../core/problem.error.js';
import { RateLimits, addressCheck } from '../limits/rate.limits.js';
import { ACCESS, type Access } from './access.decorators.js';
import { setPrincipal } from './principal.js';
import { RequestAuthenticator } from './request.authenticator.js';

/** Refusals of what was good once: a program that polls with it guesses nothing. */
const wasGood = new Set(['token_expired', 'token_stale', 'session_ended', 'api_key_over']);

/** Closes every route that isn't `@Public()` or `@OptionalSession()`. */
@Injectable()
export class SessionGuard implements CanActivate {
  readonly #reflector: Reflector;
  readonly #authenticator: RequestAuthenticator;
  readonly #limits: RateLimits;

  constructor(reflector: Reflector, authenticator: RequestAuthenticator, limits: RateLimits) {
    this.#reflector = reflector;
    this.#authenticator = authenticator;
    this.#limits = limits;
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const access = this.#reflector.getAllAndOverride<Access | undefined>(ACCESS, [
      context.getHandler(),
      context.getClass(),
    ]);
    if (access === 'public') {
      return true;
    }
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    try {
      setPrincipal(request, await this.#authenticator.authenticate(request, reply));
    } catch (error) {
      // What is sent wrongly is refused wherever somebody looks: above all a credential in the URL.
      if (access !== 'optional' || (error instanceof Problem && error.code === 'malformed_request')) {
        await this.#countRefused(error, request, reply);
        throw error;
      }
      request.log.debug({ reason: error instanceof Problem ? error.reason : 'unknown' }, 'no session');
    }
    return true;
  }

  /**
   * Refused bearer tokens and API keys count by address; a good one never comes here, whatever the count.
   * @throws {Problem} `rate_limited` in place of `unauthenticated` when there were too many.
   */
  async #countRefused(error: unknown, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const isCredential =
      request.headers.authorization !== undefined || request.headers['x-api-key'] !== undefined;
    const isRefused = error instanceof Problem && error.code === 'unauthenticated';
    if (isCredential && isRefused && !wasGood.has(error.reason ?? '')) {
      await this.#limits.take(request, reply, [addressCheck(request, 'credential-address', 'keep')]);
    }
  }
}
