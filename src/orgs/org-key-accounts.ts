import { Injectable } from '@nestjs/common';
import type { Transaction } from 'kysely';
import { KeyAccounts } from '../api-keys/key-accounts.port.js';
import type { Schema } from '../platform/database/database.schema.js';
import { lockOrg } from './org-lock.js';

/** Stores the memberships of the service accounts that organisations' API keys act as. */
@Injectable()
export class OrgKeyAccounts extends KeyAccounts {
  override async lockOrg(transaction: Transaction<Schema>, orgId: string): Promise<boolean> {
    return (await lockOrg(transaction, orgId)) !== undefined;
  }

  override async join(
    transaction: Transaction<Schema>,
    { orgId, userId, role, createdAt }: Parameters<KeyAccounts['join']>[1],
  ): Promise<void> {
    await transaction
      .insertInto('memberships')
      .values({ org_id: orgId, user_id: userId, role, state: 'active', created_at: createdAt })
      .execute();
  }

  override async leave(transaction: Transaction<Schema>, orgId: string, userId: string): Promise<void> {
    await transaction
      .deleteFrom('memberships')
      .where('org_id', '=', orgId)
      .where('user_id', '=', userId)
      .execute();
  }
}
