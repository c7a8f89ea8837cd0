import { Injectable } from '@nestjs/common';
import type { Transaction } from 'kysely';
import { KeyAccounts, type LoweredAccount } from '../api-keys/key-accounts.port.js';
import { withMadeKeys } from '../api-keys/made-keys.query.js';
import type { Schema } from '../platform/database/database.schema.js';
import type { Principal } from '../session/principal.js';
import { verdictOn } from './org-access.js';
import { lockOrg, standingIn } from './org-lock.js';
import { OrgRepository } from './org.repository.js';

/** Stores the memberships of the service accounts that organisations' API keys act as. */
@Injectable()
export class OrgKeyAccounts extends KeyAccounts {
  constructor(private readonly orgs: OrgRepository) {
    super();
  }

  override async lockOrg(transaction: Transaction<Schema>, orgId: string): Promise<boolean> {
    return (await lockOrg(transaction, orgId)) !== undefined;
  }

  override async mayRevoke(
    transaction: Transaction<Schema>,
    orgId: string,
    principal: Principal,
  ): Promise<boolean> {
    const standing = await standingIn(transaction, orgId, principal, this.orgs.time);
    return !standing.lacksFactor && verdictOn(standing, 'key.revoke') === 'allow';
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

  override async lower(
    transaction: Transaction<Schema>,
    makerId: string,
    orgId?: string,
  ): Promise<readonly LoweredAccount[]> {
    return withMadeKeys(transaction, ({ and, eb }) =>
      and([
        eb('created_by', '=', makerId),
        orgId === undefined ? eb('org_id', 'is not', null) : eb('org_id', '=', orgId),
      ]),
    )
      .updateTable('memberships')
      .set({ role: 'member' })
      .where('role', '=', 'admin')
      .where(({ exists, selectFrom }) =>
        exists(
          selectFrom('made')
            .select('made.user_id')
            .whereRef('made.org_id', '=', 'memberships.org_id')
            .whereRef('made.user_id', '=', 'memberships.user_id'),
        ),
      )
      .where(({ exists, not, selectFrom }) =>
        not(
          exists(
            selectFrom('users as maker')
              .leftJoin('memberships as own', (join) =>
                join
                  .onRef('own.user_id', '=', 'maker.id')
                  .onRef('own.org_id', '=', 'memberships.org_id')
                  .on('own.state', '=', 'active'),
              )
              .select('maker.id')
              .where('maker.id', '=', makerId)
              .where('maker.disabled_at', 'is', null)
              .where(({ eb, or }) =>
                or([eb('maker.role', '=', 'admin'), eb('own.role', 'in', ['admin', 'owner'])]),
              ),
          ),
        ),
      )
      .returning(['org_id as orgId', 'user_id as userId'])
      .execute();
  }
}
