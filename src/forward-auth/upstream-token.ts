import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { LRUCache } from 'lru-cache';
import { Problem } from '../platform/errors/problem.error.js';
import { applicationHostOf } from '../platform/http/application-hosts.js';
import type { Claims } from '../session/tokens/claims.schema.js';
import type { Principal } from '../session/principal.js';
import { bearerOf, boundTokenOf } from '../session/guards/request-authenticator.js';
import { SessionCookie } from '../session/cookie/session-cookie.js';
import { TokenService } from '../session/tokens/token.service.js';

interface Minted {
  readonly token: string;
  readonly claims: Claims;
}

/** Audiences for which a key's tokens are kept: a pattern of hosts has any number of them. */
const audiencesPerKey = 20;

/** Provides the token that an upstream gets for a caller: the one that the request carries, or, for an API key, a minted one. */
@Injectable()
export class UpstreamToken {
  /**
   * Minted tokens by the claims of API keys, and then by audience. A key's claims are the same object as long as its cache entry
   * lives, a minute.
   */
  readonly #ofKeys = new WeakMap<Claims, LRUCache<string, Promise<Minted>>>();
  /** Cookies' tokens by claims. A cookie's claims are the same object as long as they are cached. */
  readonly #ofCookies = new WeakMap<Claims, string>();

  constructor(
    private readonly tokens: TokenService,
    private readonly cookie: SessionCookie,
  ) {}

  /**
   * The caller's own token; for an API key, a token with the key's scope for the host of the request, which expires no later than the
   * key.
   */
  of(request: FastifyRequest, { credential, token, claims, keyEndsAt }: Principal): string | Promise<string> {
    if (credential === 'api_key') {
      return this.#ofKey(claims, applicationHostOf(request)?.origin ?? claims.aud, keyEndsAt);
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
    const carried =
      credential === 'cookie' ? this.cookie.read(request) : (bearerOf(request) ?? boundTokenOf(request));
    if (carried === undefined) {
      throw new Problem('unauthenticated', { reason: 'no_token' });
    }
    return carried;
  }

  async #ofKey(claims: Claims, audience: string, keyEndsAt = Number.POSITIVE_INFINITY): Promise<string> {
    const minted = this.#ofKeys.get(claims) ?? new LRUCache({ max: audiencesPerKey });
    this.#ofKeys.set(claims, minted);
    const known = await minted.get(audience);
    if (known !== undefined && !this.tokens.isNearEnd(known.claims)) {
      return known.token;
    }
    const minting = this.tokens.mint(claims, keyEndsAt, audience);
    minted.set(audience, minting);
    return (await minting).token;
  }
}
