import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Problem } from '../core/problem.error.js';
import type { Claims } from '../session/claims.schema.js';
import type { Principal } from '../session/principal.js';
import { bearerOf } from '../session/request.authenticator.js';
import { SessionCookie } from '../session/session.cookie.js';
import { TokenService } from '../session/token.service.js';

interface Minted {
  readonly token: string;
  readonly claims: Claims;
}

/** The token that an upstream gets for a caller, without a round trip: the one that the request carries, where it carries one. */
@Injectable()
export class UpstreamToken {
  readonly #tokens: TokenService;
  readonly #cookie: SessionCookie;
  /** One token for each reading of a key: its claims are one object as long as the key's reading is kept, a minute. */
  readonly #ofKeys = new WeakMap<Claims, Promise<Minted>>();
  /** What cookies held, as long as their claims are remembered. */
  readonly #ofCookies = new WeakMap<Claims, string>();

  constructor(tokens: TokenService, cookie: SessionCookie) {
    this.#tokens = tokens;
    this.#cookie = cookie;
  }

  /** The caller's own token; for an API key one with its scope, which ends no later than the key. */
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
