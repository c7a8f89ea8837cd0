import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '../core/problem.error.js';
import { ACCESS, type Access } from './access.decorators.js';
import type { Claims } from './claims.schema.js';
import { type Principal, setPrincipal, userOf } from './principal.js';
import { SessionCookie } from './session.cookie.js';
import { SessionRenewer } from './session.renewer.js';
import { RevocationList } from './revocation.list.js';
import { usedFrom } from './used.from.js';
import type { MintedSession } from './session.minter.js';
import type { UsedFrom } from './session.repository.js';
import { TokenService, type VerifiedToken } from './token.service.js';

const bearerCredentials = /^Bearer +([\w.-]+) *$/i;

/**
 * Closes every route that isn't `@Public()` or `@OptionalSession()`: a live augmented token is required, in the session cookie or as a
 * bearer. Nothing but memory is asked, except when a cookie's token is near its end, over or stale and its session is renewed.
 */
@Injectable()
export class SessionGuard implements CanActivate {
  readonly #reflector: Reflector;
  readonly #cookie: SessionCookie;
  readonly #tokens: TokenService;
  readonly #revocations: RevocationList;
  readonly #renewer: SessionRenewer;

  constructor(
    reflector: Reflector,
    cookie: SessionCookie,
    tokens: TokenService,
    revocations: RevocationList,
    renewer: SessionRenewer,
  ) {
    this.#reflector = reflector;
    this.#cookie = cookie;
    this.#tokens = tokens;
    this.#revocations = revocations;
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
      return principal(await this.#bearerClaims(token), 'bearer');
    }
    const token = await this.#cookie.read(request);
    if (token === undefined) {
      throw new Problem('unauthenticated', { reason: 'cookie_absent_or_unreadable' });
    }
    return principal(await this.#cookieClaims(token, request, reply), 'cookie');
  }

  async #bearerClaims(token: string): Promise<Claims> {
    const { claims, expired, verdict } = await this.#verify(token);
    if (expired || verdict === 'stale') {
      throw new Problem('unauthenticated', { reason: expired ? 'token_expired' : 'token_stale' });
    }
    return claims;
  }

  /** A cookie's token that can't be used as it is, or soon can't, is renewed and the cookie set anew. */
  async #cookieClaims(token: string, request: FastifyRequest, reply: FastifyReply): Promise<Claims> {
    const { claims, expired, verdict } = await this.#verify(token);
    const isUsable = !expired && verdict === 'live';
    if (isUsable && !this.#tokens.isNearEnd(claims)) {
      return claims;
    }
    const from = usedFrom(request);
    const renewed = isUsable
      ? await this.#renewer.renewAhead(claims, from)
      : await this.#renewNow(claims, from);
    if (renewed === undefined) {
      return claims;
    }
    // A logout that came while the renewal was under way wins.
    if (this.#revocations.isEnded(claims.sid)) {
      throw new Problem('unauthenticated', { reason: 'session_ended' });
    }
    await this.#cookie.write(reply, renewed.token);
    return renewed.claims;
  }

  /** A renewal that was shared may be older than what has made this token stale: then once more. */
  async #renewNow(claims: Claims, from: UsedFrom): Promise<MintedSession> {
    const renewed = await this.#renewer.renew(claims, from);
    return this.#revocations.verdict(renewed.claims) === 'stale'
      ? this.#renewer.renew(renewed.claims, from)
      : renewed;
  }

  /** The token, unless its session has ended. */
  async #verify(token: string): Promise<VerifiedToken & { readonly verdict: 'live' | 'stale' }> {
    const verified = await this.#tokens.verify(token);
    this.#revocations.requireFresh();
    const verdict = this.#revocations.verdict(verified.claims);
    if (verdict === 'ended') {
      throw new Problem('unauthenticated', { reason: 'session_ended' });
    }
    return { ...verified, verdict };
  }
}

function principal(claims: Claims, credential: Principal['credential']): Principal {
  return { user: userOf(claims), claims, credential };
}
