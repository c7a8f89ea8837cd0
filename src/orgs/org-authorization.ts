import { Injectable } from '@nestjs/common';
import type { Transaction } from 'kysely';
import { Database, type Schema } from '../platform/database/database.schema.js';
import { Problem } from '../platform/errors/problem.error.js';
import type { Principal } from '../session/principal.js';
import { requireId, requireMay } from './org-access.js';
import { type FactorTime, lockOrg, standingIn } from './org-lock.js';
import type { OrgAct, OrgTarget } from './org.policy.js';
import { OrgRepository } from './org.repository.js';

/** Authorises callers to manage what belongs to an organisation. */
@Injectable()
export class OrgAuthorization {
  constructor(
    private readonly database: Database,
    private readonly orgs: OrgRepository,
  ) {}

  /** What an organisation's policy of second factors is held by. */
  get time(): FactorTime {
    return this.orgs.time;
  }

  /**
   * Requires that the caller may act. The role is read from SQL and not from the caller's token, which may be for another
   * organisation.
   * @param given the organisation's id, as the caller gave it.
   * @returns the id in its canonical spelling.
   * @throws {Problem} `not_found`, `forbidden`
   */
  async require(principal: Principal, given: string, act: OrgAct, target: OrgTarget = {}): Promise<string> {
    const orgId = requireId(given);
    await this.database.query
      .selectFrom('orgs')
      .select('id')
      .where('id', '=', orgId)
      .executeTakeFirstOrThrow(() => new Problem('not_found', { reason: 'org_unknown' }));
    requireMay(await standingIn(this.database.query, orgId, principal, this.time), act, target);
    return orgId;
  }

  /**
   * Requires the same once it is the caller's turn, because they may have lost their role while they waited. The organisation is locked
   * until the transaction ends.
   * @param orgId as {@link require} returns it. @throws {Problem} `not_found`, `forbidden`
   */
  async requireWithin(
    transaction: Transaction<Schema>,
    principal: Principal,
    orgId: string,
    act: OrgAct,
  ): Promise<void> {
    if ((await lockOrg(transaction, orgId)) === undefined) {
      throw new Problem('not_found', { reason: 'org_unknown' });
    }
    requireMay(await standingIn(transaction, orgId, principal, this.time), act);
  }
}
