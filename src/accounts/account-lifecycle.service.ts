import { Injectable, Logger } from '@nestjs/common';
import type { LoweredAccount } from '../api-keys/key-accounts.port.js';
import { LostRights } from '../api-keys/lost-rights.service.js';
import { AuditService } from '../directory/audit/audit.service.js';
import type { UserRow } from '../platform/database/database.schema.js';
import { allInTurn } from '../platform/core/settled.js';
import { RevocationService } from '../session/revocation/revocation.service.js';
import { SessionService } from '../session/session.service.js';
import { type ClaimedUser, UserChanges } from '../directory/users/user-changes.js';
import { type ActorContext, auditFieldsOf } from './actor-context.js';
import { ProviderAccess } from './provider-access.js';

/** Disables, enables and deletes accounts, together with all credentials that give access to them. */
@Injectable()
export class AccountLifecycle {
  readonly #logger = new Logger(AccountLifecycle.name);

  constructor(
    private readonly access: ProviderAccess,
    private readonly changes: UserChanges,
    private readonly sessions: SessionService,
    private readonly revocations: RevocationService,
    private readonly audit: AuditService,
    private readonly rights: LostRights,
  ) {}

  /**
   * Disables an account. Until it is enabled, no session, token, API key or new login gives access to it. If the gateway
   * administers the provider's identities, the person can't log in to other applications either. If the provider can't be
   * reached, the account is still disabled here, and there once it can be.
   * @throws {Problem} `not_found`, `conflict`
   */
  async disable(userId: string, act: ActorContext): Promise<UserRow> {
    let lowered: readonly LoweredAccount[] = [];
    const user = await this.changes.disable(userId, act.author, async (transaction) => {
      lowered = await this.rights.record(transaction, userId);
    });
    await allInTurn([
      // First, because the provider may take its time to end the sessions.
      async () => this.rights.announce(userId, lowered, auditFieldsOf(act, userId)),
      async () => this.#shut(userId, 'user_disabled'),
      async () => this.access.take(userId),
    ]);
    await this.audit.record({ ...auditFieldsOf(act, userId), type: 'user_disabled' });
    return user;
  }

  /**
   * Enables an account. Ended sessions stay ended, so the user must log in again.
   * @throws {Problem} `not_found`, `provider_unavailable`, `forbidden`; `conflict` if the user is disabled again meanwhile
   */
  async enable(userId: string, act: ActorContext): Promise<UserRow> {
    const { author } = act;
    const user = await this.access.giveFor(
      userId,
      () => this.changes.claimEnabling(userId, author),
      (disabledAt) => this.changes.enable(userId, author, disabledAt),
    );
    // So that API keys work again at once, and not only when their cache entry expires after a minute.
    await this.revocations.invalidate('user', userId);
    await this.audit.record({ ...auditFieldsOf(act, userId), type: 'user_enabled' });
    return user;
  }

  /**
   * Deletes an account, and the person's identities if the gateway administers them. The identities are deleted first: if the
   * provider can't be reached, the account stays as it was, but its tokens are outdated: sessions renew theirs.
   * @throws {Problem} `not_found`, `conflict`, `owner_needed`, `provider_unavailable`
   */
  async delete(userId: string, act: ActorContext): Promise<void> {
    // An enabling that came in between would have its access taken once the deletion has failed, and the user is restored.
    await this.access.inTurn(userId, async () => {
      const claimed = await this.revocations.invalidateBy('user', userId, (part) =>
        this.changes.claimDeletion(userId, act.author, part),
      );
      await this.#deleteAtProvider(claimed);
    });
    await this.#shut(userId, 'user_deleted');
    let lowered: readonly LoweredAccount[] = [];
    await this.changes.delete(userId, async (transaction) => {
      lowered = await this.rights.record(transaction, userId);
    });
    // A second time, for tokens that were minted in the meantime.
    await this.rights.announce(userId, lowered, auditFieldsOf(act, userId));
    await this.audit.record({ ...auditFieldsOf(act, userId), type: 'user_deleted' });
  }

  async #deleteAtProvider(claimed: ClaimedUser): Promise<void> {
    try {
      await this.access.delete(claimed.identities);
    } catch (error) {
      await this.changes.releaseDeletion(claimed).catch((cause: unknown) => {
        this.#logger.error('a user stays disabled whose deletion failed', {
          reason: 'deletion_not_undone',
          userId: claimed.row.id,
          err: cause,
        });
      });
      throw error;
    }
  }

  /** Ends every session, here first and then at the provider. */
  async #shut(userId: string, reason: string): Promise<void> {
    await this.access.logouts.endWith(userId, async (note) => this.sessions.endAll({ userId }, reason, note));
  }
}
