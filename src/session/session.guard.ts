import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '../core/problem.error.js';
import { ACCESS, type Access } from './access.decorators.js';
import type { Claims } from './claims.schema.js';
import { type Principal, setPrincipal, userOf } from './principal.js';
import { SessionCookie } from './session.cookie.js';
import { SessionRenewer } from './session.renewer.js';
import { SessionService } from './session.service.js';
import { TokenService } from './token.service.js';

const bearerCredentials = /^Bearer +([\w.-]+) *$/i;

/**
 * Closes every route that isn't `@Public()` or `@OptionalSession()`: a live augmented token is required, in the session cookie or as a
 * bearer. Nothing but memory is asked, except when a cookie's token is over and its session is renewed.
 */
@Injectable()
export class SessionGuard implements CanActivate {
  readonly #reflector: Reflector;
  readonly #cookie: SessionCookie;
  readonly #tokens: TokenService;
  readonly #sessions: SessionService;
  readonly #renewer: SessionRenewer;

  constructor(
    reflector: Reflector,
    cookie: SessionCookie,
    tokens: TokenService,
    sessions: SessionService,
    renewer: SessionRenewer,
  ) {
    this.#reflector = reflector;
    this.#cookie = cookie;
    this.#tokens = tokens;
    this.#sessions = sessions;
    this.#renewer = renewer;
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
      setPrincipal(request, await this.#authenticate(request, reply));
    } catch (error) {
      if (access !== 'optional') {
        throw error;
      }
      request.log.debug({ reason: error instanceof Problem ? error.reason : 'unknown' }, 'no session');
    }
    return true;
  }

  async #authenticate(request: FastifyRequest, reply: FastifyReply): Promise<Principal> {
    const { authorization } = request.headers;
    if (authorization !== undefined) {
      const token = bearerCredentials.exec(authorization)?.[1];
      if (token === undefined) {
        throw new Problem('unauthenticated', { reason: 'authorization_malformed' });
      }
      return principal(await this.#liveClaims(token), 'bearer');
    }
    const token = await this.#cookie.read(request);
    if (token === undefined) {
      throw new Problem('unauthenticated', { reason: 'cookie_absent_or_unreadable' });
    }
    return principal(await this.#liveClaims(token, reply), 'cookie');
  }

  /** Claims of a live token; with a reply to set the new cookie on, an expired one is renewed. */
  async #liveClaims(token: string, reply?: FastifyReply): Promise<Claims> {
    const { claims, expired } = await this.#tokens.verify(token);
    if (this.#sessions.isEnded(claims.sid)) {
      throw new Problem('unauthenticated', { reason: 'session_ended' });
    }
    if (!expired) {
      return claims;
    }
    if (reply === undefined) {
      throw new Problem('unauthenticated', { reason: 'token_expired' });
    }
    const renewed = await this.#renewer.renew(claims);
    await this.#cookie.write(reply, renewed.token);
    return renewed.claims;
  }
}

function principal(claims: Claims, credential: Principal['credential']): Principal {
  return { user: userOf(claims), claims, credential };
}
