import type { Selectable } from 'kysely';
import { Database } from '../../platform/database/database.schema.js';

/** Rules that say which tokens of which issuers stand for a machine. */
export interface WorkloadRulesTable {
  id: string;
  application_id: string;
  /** `iss` of the tokens, exactly. */
  issuer: string;
  /** `aud` of the tokens, exactly. */
  audience: string;
  /** Names of claims with the exact value of each, as JSON. */
  claims: string;
  created_by: string;
  /** Milliseconds since the epoch. */
  created_at: number;
}

/** The database, with the table of rules. */
export abstract class WorkloadDatabase extends Database<{ workload_rules: WorkloadRulesTable }> {}

export type WorkloadRuleRow = Selectable<WorkloadRulesTable>;
