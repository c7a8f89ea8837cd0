import { Injectable } from '@nestjs/common';
import type { Transaction } from 'kysely';
import { type AuditEvent, AuditService } from '../directory/audit/audit.service.js';
import type { Schema } from '../platform/database/database.schema.js';
import { RevocationService } from '../session/revocation/revocation.service.js';
import { KeyAccounts, type LoweredAccount } from './key-accounts.port.js';

/** What ends when a user loses rights: tokens that state them, and the role of organisations' keys that they made with them. */
@Injectable()
export class LostRights {
  constructor(
    private readonly accounts: KeyAccounts,
    private readonly revocations: RevocationService,
    private readonly audit: AuditService,
  ) {}

  /**
   * Records it in the transaction that takes the rights, and once they are gone there. Call {@link announce} after the commit.
   * @param orgId the only organisation in which they are lost; left out: any.
   * @returns the service accounts that are members only from now on.
   */
  async record(
    transaction: Transaction<Schema>,
    userId: string,
    orgId?: string,
  ): Promise<readonly LoweredAccount[]> {
    await this.recordChange(transaction, userId);
    const lowered = await this.accounts.lower(transaction, userId, orgId);
    for (const account of lowered) {
      await this.revocations.recordWithin(transaction, 'user', account.userId);
    }
    return lowered;
  }

  /** Records in the transaction of another change that the user's tokens are outdated. */
  async recordChange(transaction: Transaction<Schema>, userId: string): Promise<void> {
    await this.revocations.recordWithin(transaction, 'user', userId);
  }

  /** Puts it into force at once. @param by who took the rights, for the audit trail. */
  async announce(
    userId: string,
    lowered: readonly LoweredAccount[],
    by: Omit<AuditEvent, 'type'>,
  ): Promise<void> {
    await this.revocations.invalidate('user', userId);
    for (const account of lowered) {
      await this.revocations.invalidate('user', account.userId);
      await this.audit.record({ ...by, ...account, type: 'member_role_changed', reason: 'admin_to_member' });
    }
  }
}
