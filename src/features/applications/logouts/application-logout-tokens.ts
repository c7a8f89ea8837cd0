import { Injectable } from '@nestjs/common';
import { logoutEvent } from '../../../providers/oidc/logout-token.js';
import { IdTokenSigner } from '../../../providers/ory/hydra/id-token-signer.js';
import type { ApplicationLogoutRow } from '../application.schema.js';

/** Seconds for which a logout token is valid: section 2.4 recommends two minutes at most. */
const life = 120;

/**
 * Makes logout tokens for applications (OpenID Connect Back-Channel Logout 1.0 section 2.4). Hydra's own lack `exp`, which the standard
 * requires, and `sub`.
 */
@Injectable()
export class ApplicationLogoutTokens {
  constructor(private readonly signer: IdTokenSigner) {}

  /** A new token of a logout, with the same `jti` each time. @throws {Problem} `provider_unavailable` */
  async make({ client_id: audience, token_id: jti, sid, subject }: ApplicationLogoutRow): Promise<string> {
    const claims = {
      events: { [logoutEvent]: {} },
      jti,
      ...(sid === null ? {} : { sid }),
      ...(subject === null ? {} : { sub: subject }),
    };
    return this.signer.sign({ claims, audience, typ: 'JWT', life });
  }
}
