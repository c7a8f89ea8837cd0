import { Injectable } from '@nestjs/common';
import type { Selectable } from 'kysely';
import { lowestId } from '../../platform/core/identifier.js';
import { type AuditEventsTable, Database } from '../../platform/database/database.schema.js';
import type { AuditFilter } from './audit-event.schemas.js';

/** Reads the audit trail. */
@Injectable()
export class AuditEventReader {
  constructor(private readonly database: Database) {}

  /** Whether there is an event of a type. */
  async hasType(type: string): Promise<boolean> {
    const events = this.database.query.selectFrom('audit_events').select('id').where('type', '=', type);
    return (await events.limit(1).executeTakeFirst()) !== undefined;
  }

  /**
   * Events, newest first. Ids are ordered by time, so that every filter reads a range of an index that ends with the id.
   * @param before id of the last event of the previous page.
   */
  async list(
    filter: AuditFilter,
    limit: number,
    before: string | undefined,
  ): Promise<Selectable<AuditEventsTable>[]> {
    const { type, actor, target, org, from, to } = filter;
    const conditions = [
      ['type', '=', type],
      ['actor_id', '=', actor],
      ['target_id', '=', target],
      ['org_id', '=', org],
      ['id', '>=', from === undefined ? undefined : lowestId(from)],
      ['id', '<', to === undefined ? undefined : lowestId(to)],
      ['id', '<', before],
    ] as const;
    let events = this.database.query
      .selectFrom('audit_events')
      .selectAll()
      .orderBy('id', 'desc')
      .limit(limit);
    for (const [column, operator, value] of conditions) {
      if (value !== undefined) {
        events = events.where(column, operator, value);
      }
    }
    return events.execute();
  }
}
