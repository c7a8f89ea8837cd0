import { Inject, Injectable } from '@nestjs/common';
import { SignJWT } from 'jose';
import { CONFIGURATION } from '../../../platform/config/config.module.js';
import type { OryConfiguration } from '../../../platform/config/configuration.js';
import { Clock } from '../../../platform/time/clock.service.js';
import { logoutEvent } from '../../../providers/oidc/logout-token.js';
import { hydraIssuer } from '../../../providers/ory/hydra/hydra-relying-party.js';
import { HydraSigningKeys, type SigningKey } from '../../../providers/ory/hydra/hydra-signing-keys.js';
import type { ApplicationLogoutRow } from '../application.schema.js';

/** Seconds for which a logout token is valid: section 2.4 recommends two minutes at most. */
const life = 120;
/** Milliseconds for which Hydra isn't asked for its key again. */
const keyKept = 60_000;

/**
 * Makes logout tokens for applications (OpenID Connect Back-Channel Logout 1.0 section 2.4), signed with the key of the issuer's ID tokens.
 * Hydra's own lack `exp`, which the standard requires, and `sub`.
 */
@Injectable()
export class ApplicationLogoutTokens {
  readonly #issuer: string;
  #known: { readonly key: Promise<SigningKey>; readonly until: number } | undefined;

  constructor(
    private readonly keys: HydraSigningKeys,
    private readonly clock: Clock,
    @Inject(CONFIGURATION) configuration: OryConfiguration,
  ) {
    this.#issuer = hydraIssuer(configuration);
  }

  /** A new token of a logout, with the same `jti` each time. @throws {Problem} `provider_unavailable` */
  async make({ client_id: clientId, token_id: jti, sid, subject }: ApplicationLogoutRow): Promise<string> {
    const { kid, alg, key } = await this.#key();
    const now = this.clock.seconds();
    return new SignJWT({
      events: { [logoutEvent]: {} },
      jti,
      ...(sid === null ? {} : { sid }),
      ...(subject === null ? {} : { sub: subject }),
    })
      .setProtectedHeader({ alg, kid, typ: 'JWT' })
      .setIssuer(this.#issuer)
      .setAudience(clientId)
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
