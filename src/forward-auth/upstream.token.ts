import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Problem } from '../platform/errors/problem.error.js';
import type { Claims } from '../session/tokens/claims.schema.js';
import type { Principal } from '../session/principal.js';
import { bearerOf } from '../session/guards/request.authenticator.js';
import { SessionCookie } from '../session/cookie/session.cookie.js';
import { TokenService } from '../session/tokens/token.service.js';

interface Minted {
  readonly token: string;
  readonly claims: Claims;
}

/** Provides the token that an upstream gets for a caller: the one that the request carries, or, for an API key, a minted one. */
@Injectable()
export class UpstreamToken {
  readonly #tokens: TokenService;
  readonly #cookie: SessionCookie;
  /** Minted tokens by the claims of API keys. A key's claims are the same object as long as its cache entry lives, a minute. */
  readonly #ofKeys = new WeakMap<Claims, Promise<Minted>>();
  /** Cookies' tokens by claims. A cookie's claims are the same object as long as they are cached. */
  readonly #ofCookies = new WeakMap<Claims, string>();

  constructor(tokens: TokenService, cookie: SessionCookie) {
    this.#tokens = tokens;
    this.#cookie = cookie;
  }

  /** The caller's own token; for an API key, a token with the key's scope, which expires no later than the key. */
  of(request: FastifyRequest, { credential, token, claims, keyEndsAt }: Principal): string | Promise<string> {
    if (credential === 'api_key') {
      return this.#ofKey(claims, keyEndsAt);
    }
    const known = token ?? this.#ofCookies.get(claims);
    if (known !== undefined) {
      return known;
    }
    const carried = this.#carried(request, credential);
    if (credential === 'cookie') {
      this.#ofCookies.set(claims, carried);
    }
    return carried;
  }

  #carried(request: FastifyRequest, credential: 'cookie' | 'bearer'): string {
    const carried = credential === 'cookie' ? this.#cookie.read(request) : bearerOf(request);
    if (carried === undefined) {
      throw new Problem('unauthenticated', { reason: 'no_token' });
    }
    return carried;
  }

  async #ofKey(claims: Claims, keyEndsAt = Number.POSITIVE_INFINITY): Promise<string> {
    const known = await this.#ofKeys.get(claims);
    if (known !== undefined && !this.#tokens.isNearEnd(known.claims)) {
      return known.token;
    }
    const minting = this.#tokens.mint(claims, keyEndsAt);
    this.#ofKeys.set(claims, minting);
    return (await minting).token;
  }
}
