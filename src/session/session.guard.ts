import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '../core/problem.error.js';
import { ACCESS, type Access } from './access.decorators.js';
import { setPrincipal } from './principal.js';
import { RequestAuthenticator } from './request.authenticator.js';

/** Closes every route that isn't `@Public()` or `@OptionalSession()`. */
@Injectable()
export class SessionGuard implements CanActivate {
  readonly #reflector: Reflector;
  readonly #authenticator: RequestAuthenticator;

  constructor(reflector: Reflector, authenticator: RequestAuthenticator) {
    this.#reflector = reflector;
    this.#authenticator = authenticator;
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
        throw error;
      }
      request.log.debug({ reason: error instanceof Problem ? error.reason : 'unknown' }, 'no session');
    }
    return true;
  }
}
