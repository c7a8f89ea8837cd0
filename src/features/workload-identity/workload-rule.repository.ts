import { Injectable } from '@nestjs/common';
import type { TransactionPart } from '../../platform/database/transaction-part.js';
import { WorkloadDatabase, type WorkloadRuleRow } from './workload-rule.schema.js';

/** Stores the rules of machines. */
@Injectable()
export class WorkloadRuleRepository {
  constructor(private readonly database: WorkloadDatabase) {}

  /** Stores a rule, and removes those of applications that are gone. */
  async add(rule: WorkloadRuleRow): Promise<void> {
    await this.database.query
      .deleteFrom('workload_rules')
      .where('application_id', 'not in', (among) => among.selectFrom('oauth_clients').select('id'))
      .execute();
    await this.database.query.insertInto('workload_rules').values(rule).execute();
  }

  /** The rules of an application, the oldest first. @param issuer those for tokens of this issuer only. */
  async list(applicationId: string, issuer?: string): Promise<WorkloadRuleRow[]> {
    const rules = this.database.query
      .selectFrom('workload_rules')
      .selectAll()
      .where('application_id', '=', applicationId)
      .orderBy('id');
    return (issuer === undefined ? rules : rules.where('issuer', '=', issuer)).execute();
  }

  /** Removes a rule. @param alongside what else happens in the transaction. @returns whether there was one. */
  async remove(applicationId: string, id: string, alongside?: TransactionPart): Promise<boolean> {
    return this.database.query.transaction().execute(async (transaction) => {
      const { numDeletedRows: count } = await transaction
        .deleteFrom('workload_rules')
        .where('application_id', '=', applicationId)
        .where('id', '=', id)
        .executeTakeFirst();
      await alongside?.(transaction);
      return count > 0n;
    });
  }
}
