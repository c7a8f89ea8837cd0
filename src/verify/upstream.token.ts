import { Injectable } from '@nestjs/common';
import { momentOf } from '../core/identifier.js';
import type { Claims } from '../session/claims.schema.js';
import type { Principal } from '../session/principal.js';
import { TokenService } from '../session/token.service.js';

interface Minted {
  readonly token: string;
  readonly claims: Claims;
}

/** The token that an upstream gets for a caller, without a round trip. */
@Injectable()
export class UpstreamToken {
  readonly #tokens: TokenService;
  /** One token for each reading of a key: its claims are one object as long as the key's reading is kept, a minute. */
  readonly #ofKeys = new WeakMap<Claims, Promise<Minted>>();

  constructor(tokens: TokenService) {
    this.#tokens = tokens;
  }

  /** The caller's own token; for an API key one with its scope, which ends no later than the key. */
  async of({ token, claims, keyEndsAt = Number.POSITIVE_INFINITY }: Principal): Promise<string> {
    if (token !== undefined) {
      return token;
    }
    const known = await this.#ofKeys.get(claims);
    if (known !== undefined && !this.#tokens.isNearEnd(known.claims)) {
      return known.token;
    }
    const minting = this.#tokens.mintFrom(claims, keyEndsAt, momentOf(claims.jti));
    this.#ofKeys.set(claims, minting);
    return (await minting).token;
  }
}
