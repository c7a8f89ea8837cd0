import { Injectable } from '@nestjs/common';
import type { Exchange, ResourceGrant } from '../../providers/ory/proxy/exchange.js';
import type { LoginContext } from '../../providers/ory/hydra/hydra.schemas.js';
import { OAuthRefusal } from '../../providers/ory/proxy/oauth-refusal.js';
import type { Claims } from '../../session/tokens/claims.schema.js';
import { OAuthError } from '../../session/tokens/oauth.error.js';
import { ProofsOfPossession } from '../../session/tokens/proofs-of-possession.js';
import { GrantKeyRepository } from './grant-key.repository.js';

/** Binds the tokens of resources to the keys that clients prove (RFC 9449 section 5). */
@Injectable()
export class ResourceKeys {
  constructor(
    private readonly proofs: ProofsOfPossession,
    private readonly keys: GrantKeyRepository,
  ) {}

  /**
   * Thumbprint of the key that a token request proves, before Hydra sees it.
   * @throws {OAuthError} `invalid_dpop_proof`, `use_dpop_nonce`
   */
  async keyOf({ request, reply, refresh }: Exchange): Promise<string | undefined> {
    const jkt = await this.proofs.keyOf(request, reply);
    const grantId = refresh?.audience.some((audience) => this.proofs.binds(audience)) && refresh.grantId;
    const bound = grantId ? await this.keys.find(grantId) : undefined;
    if (bound !== undefined && bound !== jkt) {
      throw new OAuthError(
        'invalid_dpop_proof',
        'the refresh token is bound to another key',
        'refresh_of_other_key',
      );
    }
    return jkt;
  }

  /**
   * The claims that bind a token to the key of its request. The refresh tokens of a public client are bound to it, too: nothing else shows
   * that they are the client's.
   * @throws {OAuthRefusal} `invalid_grant` for a code that was asked for with another key.
   */
  async claimsFor(
    audience: string,
    { jkt, isPublic, isCode }: ResourceGrant,
    { grant_id: grantId, dpop_jkt: asked }: LoginContext,
  ): Promise<Pick<Claims, 'cnf'>> {
    if (this.proofs.binds(audience) && isCode && asked !== undefined && asked !== jkt) {
      throw new OAuthRefusal('invalid_grant', 'the code is bound to another key', 'code_of_other_key');
    }
    const claims = this.proofs.claimsFor(audience, jkt);
    if (claims.cnf !== undefined && isPublic && grantId !== undefined) {
      await this.keys.note(grantId, claims.cnf.jkt);
    }
    return claims;
  }
}
