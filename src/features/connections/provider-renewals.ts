import { Injectable, Logger } from '@nestjs/common';
import { Problem } from '../../platform/errors/problem.error.js';
import { Clock } from '../../platform/time/clock.service.js';
import { GrantUses, isFresh } from '../../session/store/grant-uses.js';
import { isEnd } from '../../providers/oidc/provider-refusal.js';
import type { ReportedUser } from './company.provider.js';
import { ConnectionSetting } from './connection-setting.js';
import {
  type ConnectionIdentity,
  ConnectionRepository,
  type ConnectionSession,
} from './connection.repository.js';
import { type ProviderConnection, groupsIn, vouchedUser } from './connection.js';

/** Asks a company's provider by refresh tokens whether a session goes on. */
@Injectable()
export class ProviderRenewals {
  readonly #logger = new Logger(ProviderRenewals.name);
  readonly #uses: GrantUses;

  constructor(
    private readonly setting: ConnectionSetting,
    private readonly repository: ConnectionRepository,
    private readonly clock: Clock,
  ) {
    this.#uses = new GrantUses(
      {
        stateOf: (id) => repository.findSession(id),
        take: (id, sealed, until) => repository.takeGrant(id, sealed, until),
        giveBack: (id, until, isAccepted) => repository.returnGrant(id, until, isAccepted),
      },
      clock,
    );
  }

  /**
   * The user of a session as they are now; without a refresh token, as they were at the login.
   * @returns undefined if the session has ended: by this question, or before it.
   * @throws {Problem} `provider_unavailable`
   */
  async confirm(
    connection: ProviderConnection,
    identity: ConnectionIdentity,
    session: ConnectionSession,
  ): Promise<ConnectionIdentity | undefined> {
    if (!connection.provider.has(identity.subject)) {
      await this.#end(connection, session, 'connection_of_another_issuer');
      return undefined;
    }
    const { id, sealed, checked_at: checkedAt } = session;
    if (sealed === null || isFresh(checkedAt, this.clock.now())) {
      return identity;
    }
    const use = await this.#uses.run(id, sealed, async () =>
      this.#use(connection, identity, session, sealed),
    );
    if (use.by === 'this') {
      return use.result;
    }
    return use.isLive ? this.repository.findIdentity(identity.id) : undefined;
  }

  async #use(
    connection: ProviderConnection,
    identity: ConnectionIdentity,
    session: ConnectionSession,
    sealed: string,
  ): Promise<ConnectionIdentity | undefined> {
    try {
      const found = await this.#ask(connection, identity, session.id, sealed);
      if (found.state === 'active') {
        return await this.repository.update(identity.id, vouchedUser(connection, found, found.isEmailProven));
      }
      await this.repository.shut(identity.id, found.state);
      return { ...identity, state: found.state };
    } catch (error) {
      if (error instanceof Problem && isEnd(error)) {
        await this.#end(connection, session, error.reason);
        return undefined;
      }
      throw error;
    }
  }

  async #ask(
    { provider }: ProviderConnection,
    identity: ConnectionIdentity,
    sessionId: string,
    sealed: string,
  ): Promise<ReportedUser> {
    const { ofGrants: cipher } = this.setting;
    const refreshToken = cipher.decrypt(sealed);
    if (refreshToken === undefined) {
      // Encrypted with a secret that is gone.
      throw new Problem('access_token_rejected', { reason: 'refresh_token_unreadable' });
    }
    // The former one may no longer work, whatever becomes of the rest.
    const keep = async (next: string): Promise<void> =>
      this.repository.keepGrant(sessionId, cipher.encrypt(next));
    return provider.describe(await provider.confirm(refreshToken, keep), toReported(identity));
  }

  /** Ends a session, and not all of its user: a provider may have ended one of several logins. */
  async #end(
    { id }: ProviderConnection,
    session: ConnectionSession,
    reason: string | undefined,
  ): Promise<void> {
    await this.repository.endSession(session.id, session.identity_id);
    await this.repository.noteIfGone(session.identity_id);
    this.#logger.log('a session was ended by its connection', { reason, connection: id });
  }
}

function toReported(identity: ConnectionIdentity): ReportedUser {
  const { subject, email, email_verified: isVerified, name } = identity;
  return {
    subject,
    email,
    isEmailProven: isVerified === 1,
    name,
    groups: groupsIn(identity),
    state: 'active',
  };
}
