import { Injectable } from '@nestjs/common';
import { ApiKeysService } from '../api-keys/api-keys.service.js';
import { loginByConnection } from '../directory/users/vouching-rules.js';
import type { Principal } from '../session/principal.js';

/** Tells logins that the deployment vouches for from those of an organisation's connection. */
@Injectable()
export class OwnLogins {
  constructor(private readonly keys: ApiKeysService) {}

  /**
   * Requires that a caller may become a member of an organisation, or act in it. By the login of another one's connection they can't:
   * the connection's owner could act there, so the user couldn't log in by it any more.
   * @param org id as the caller gave it, if there is one already.
   * @throws {Problem} `forbidden`; `unauthenticated` if the session has ended.
   */
  async require(principal: Principal, org?: string): Promise<void> {
    const vouching = await this.keys.vouchingOrgOf(principal);
    if (vouching !== null && vouching !== org?.toLowerCase()) {
      throw loginByConnection();
    }
  }
}
