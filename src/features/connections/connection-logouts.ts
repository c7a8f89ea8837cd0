import { Injectable } from '@nestjs/common';
import { AuthStrategy, type VerifiedLogoutToken } from '../../auth-strategy/auth.strategy.js';
import { endAllAtProvider } from '../../auth-strategy/provider-logout.js';
import { BackchannelLogoutService } from '../../login/backchannel-logout.service.js';
import { ProviderEnds } from '../../session/store/provider-ends.js';
import type { ClientInfo } from '../../platform/http/client-info.js';
import { connectionIssuer } from '../../directory/users/connection-identity.js';
import { nameOfUnnamed } from './connection-sessions.js';
import { ConnectionRepository } from './connection.repository.js';

/** Carries out logouts that companies' providers report, by whichever protocol. */
@Injectable()
export class ConnectionLogouts {
  constructor(
    private readonly repository: ConnectionRepository,
    private readonly logouts: BackchannelLogoutService,
    private readonly strategy: AuthStrategy,
    private readonly ends: ProviderEnds,
  ) {}

  /**
   * Ends the sessions here that came from those at the connection, then Hydra's, which notifies other applications, and last the
   * connection's own. If the database fails in between, the provider sends the same report again, which finds those that are left.
   * @throws {Problem} `malformed_request` for a logout that is too old, or was carried out before.
   */
  async end(connectionId: string, notice: VerifiedLogoutToken, client: ClientInfo): Promise<void> {
    const issuer = connectionIssuer(connectionId);
    await this.logouts.once(notice, async () => {
      const { sid, subject } = notice;
      // A login that is under way there has no session yet that could be found.
      await this.ends.note([
        ['connection', connectionId, sid, subject],
        ...(sid === null || subject === null ? [] : [nameOfUnnamed(connectionId, subject)]),
      ]);
      for (const session of await this.repository.liveBehind({ connectionId, sid, subject })) {
        const ended = await this.logouts.end({ issuer, providerSessionId: session.id }, client);
        await endAllAtProvider(this.strategy, ended);
        await this.repository.endSession(session.id, session.identity_id);
      }
    });
  }
}
