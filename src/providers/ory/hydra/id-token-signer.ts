import { Inject, Injectable } from '@nestjs/common';
import { type JWTPayload, SignJWT } from 'jose';
import { CONFIGURATION } from '../../../platform/config/config.module.js';
import type { OryConfiguration } from '../../../platform/config/configuration.js';
import { Clock } from '../../../platform/time/clock.service.js';
import { hydraIssuer } from './hydra-relying-party.js';
import { HydraSigningKeys, type SigningKey } from './hydra-signing-keys.js';

/** Milliseconds for which Hydra isn't asked for its key again. */
const keyKept = 60_000;

/** What is signed, besides the issuer and the times. */
export interface Statement {
  readonly claims: JWTPayload;
  readonly audience: string;
  readonly typ: string;
  /** Seconds. */
  readonly life: number;
}

/** Signs what Hydra can't make, as the issuer of its ID tokens, with their key. */
@Injectable()
export class IdTokenSigner {
  readonly #issuer: string;
  #known: { readonly key: Promise<SigningKey>; readonly until: number } | undefined;

  constructor(
    private readonly keys: HydraSigningKeys,
    private readonly clock: Clock,
    @Inject(CONFIGURATION) configuration: OryConfiguration,
  ) {
    this.#issuer = hydraIssuer(configuration);
  }

  /** @throws {Problem} `provider_unavailable` */
  async sign({ claims, audience, typ, life }: Statement): Promise<string> {
    const { kid, alg, key } = await this.#key();
    const now = this.clock.seconds();
    return new SignJWT(claims)
      .setProtectedHeader({ alg, kid, typ })
      .setIssuer(this.#issuer)
      .setAudience(audience)
      .setIssuedAt(now)
      .setExpirationTime(now + life)
      .sign(key);
  }

  async #key(): Promise<SigningKey> {
    if (this.#known === undefined || this.#known.until <= this.clock.now()) {
      const known = { key: this.keys.idTokenKey(), until: this.clock.now() + keyKept };
      this.#known = known;
      known.key.catch(() => {
        if (this.#known === known) {
          this.#known = undefined;
        }
      });
    }
    return this.#known.key;
  }
}
