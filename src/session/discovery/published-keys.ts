import { Injectable } from '@nestjs/common';
import type { JWK } from 'jose';
import { SigningKeyRing } from '../tokens/signing-key-ring.js';

/** The public keys at `/.well-known/jwks.json`: those of tokens, and those by which features sign something else. */
@Injectable()
export class PublishedKeys {
  readonly #added: (() => readonly JWK[])[] = [];

  constructor(private readonly ring: SigningKeyRing) {}

  /** Adds keys, as a feature has them when the set is read. No token that they sign is accepted. */
  add(keys: () => readonly JWK[]): void {
    this.#added.push(keys);
  }

  /** All of them as a JSON Web Key Set (RFC 7517 section 5). */
  jwks(): { keys: JWK[] } {
    return { keys: [...this.ring.jwks().keys, ...this.#added.flatMap((keys) => keys())] };
  }
}
