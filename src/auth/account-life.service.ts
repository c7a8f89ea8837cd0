import { Injectable, Logger } from '@nestjs/common';
import pLimit from 'p-limit';
import { AuditService } from '../audit/audit.service.js';
import type { UserRow } from '../database/database.schema.js';
import { RevocationService } from '../session/revocation.service.js';
import { SessionService } from '../session/session.service.js';
import { type ClaimedUser, UserChanges } from '../users/user.changes.js';
import { type AccountAct, auditOf } from './account.act.js';
import { AuthStrategy } from './auth.strategy.js';
import { endAtProvider } from './provider.logout.js';

/** Calls to the provider at the same time. */
const parallelCalls = 8;

/** Disables, enables and deletes accounts, with all that lets their people in. */
@Injectable()
export class AccountLife {
  readonly #logger = new Logger(AccountLife.name);
  readonly #strategy: AuthStrategy;
  readonly #changes: UserChanges;
  readonly #sessions: SessionService;
  readonly #revocations: RevocationService;
  readonly #audit: AuditService;

  constructor(
    strategy: AuthStrategy,
    changes: UserChanges,
    sessions: SessionService,
    revocations: RevocationService,
    audit: AuditService,
  ) {
    this.#strategy = strategy;
    this.#changes = changes;
    this.#sessions = sessions;
    this.#revocations = revocations;
    this.#audit = audit;
  }

  /**
   * Nobody gets in with this account until it's enabled: no session, token, API key or new login. Where the gateway
   * administers identities, nobody gets into other applications either; a provider that can't be reached doesn't keep
   * the account open here.
   * @throws {Problem} `not_found`, `conflict`
   */
  async disable(userId: string, act: AccountAct): Promise<UserRow> {
    const user = await this.#changes.disable(userId, act.author);
    await this.#shut(userId, 'user_disabled');
    await this.#setActiveAtProvider(userId, false).catch((error: unknown) => {
      this.#logger.error('a disabled user may still log in to other applications', {
        reason: 'identity_not_disabled',
        userId,
        err: error,
      });
    });
    await this.#audit.record({ ...auditOf(act, userId), type: 'user_disabled' });
    return user;
  }

  /**
   * Sessions that have been ended stay so: people log in again.
   * @throws {Problem} `not_found`, `provider_unavailable`, `forbidden`
   */
  async enable(userId: string, act: AccountAct): Promise<UserRow> {
    await this.#setActiveAtProvider(userId, true);
    const user = await this.#changes.enable(userId, act.author);
    // API keys are believed again at once, and not only when what is known of them is a minute old.
    await this.#revocations.outdate('user', userId);
    await this.#audit.record({ ...auditOf(act, userId), type: 'user_enabled' });
    return user;
  }

  /**
   * Deletes an account, and the person's identities where the gateway administers them. The provider comes first: when it
   * can't be reached, the account is as it was.
   * @throws {Problem} `not_found`, `conflict`, `provider_unavailable`
   */
  async delete(userId: string, act: AccountAct): Promise<void> {
    const claimed = await this.#changes.claimDeletion(userId, act.author);
    await this.#deleteAtProvider(claimed);
    await this.#shut(userId, 'user_deleted');
    await this.#changes.delete(userId);
    // Once more, for what was minted meanwhile.
    await this.#revocations.outdate('user', userId);
    await this.#audit.record({ ...auditOf(act, userId), type: 'user_deleted' });
  }

  async #setActiveAtProvider(userId: string, active: boolean): Promise<void> {
    const administration = this.#strategy.identities;
    if (administration === undefined) {
      return;
    }
    for (const { issuer, subject } of await this.#changes.identitiesOf(userId)) {
      if (issuer === administration.issuer) {
        await administration.setActive(subject, active);
      }
    }
  }

  async #deleteAtProvider(claimed: ClaimedUser): Promise<void> {
    const administration = this.#strategy.identities;
    try {
      for (const { issuer, subject } of claimed.identities) {
        if (issuer === administration?.issuer) {
          await administration.delete(subject);
        }
      }
    } catch (error) {
      await this.#changes.releaseDeletion(claimed).catch((cause: unknown) => {
        this.#logger.error('a user stays disabled whose deletion failed', {
          reason: 'deletion_not_undone',
          userId: claimed.row.id,
          err: cause,
        });
      });
      throw error;
    }
  }

  /** Ends every session, here first and then at the provider, and makes every other token and API key ask SQL. */
  async #shut(userId: string, reason: string): Promise<void> {
    const ended = await this.#sessions.end({ userId }, reason);
    await this.#revocations.outdate('user', userId);
    const limit = pLimit(parallelCalls);
    await Promise.all(ended.map((session) => limit(() => endAtProvider(this.#strategy, session))));
  }
}
