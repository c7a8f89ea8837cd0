import { Injectable } from '@nestjs/common';
import type { Insertable, Selectable } from 'kysely';
import { type AuditEventsTable, Database } from '../../platform/database/database.schema.js';

/** A stored event. */
export type AuditEventRow = Selectable<AuditEventsTable>;

/** Rows of the audit trail: appended, and removed when they are too old; never changed. */
@Injectable()
export class AuditRepository {
  constructor(private readonly database: Database) {}

  /** Appends events in one statement: all or none. @param rows at least one. */
  async append(rows: readonly Insertable<AuditEventsTable>[]): Promise<void> {
    await this.database.query
      .insertInto('audit_events')
      .values([...rows])
      // A batch whose answer was lost is sent again.
      .onConflict((conflict) => conflict.column('id').doNothing())
      .execute();
  }

  /** The latest event of a type about a target. @param except a reason that doesn't count. */
  async latest(type: string, targetId: string, except: string): Promise<AuditEventRow | undefined> {
    return this.database.query
      .selectFrom('audit_events')
      .selectAll()
      .where('target_id', '=', targetId)
      .where('type', '=', type)
      .where('reason', '!=', except)
      .orderBy('id', 'desc')
      .limit(1)
      .executeTakeFirst();
  }

  /** Removes events from before a time (milliseconds since the epoch), the oldest first. @returns how many. */
  async removeBefore(before: number, limit: number): Promise<number> {
    const result = await this.database.query
      .deleteFrom('audit_events')
      .where('id', 'in', (builder) =>
        builder.selectFrom('audit_events').select('id').where('at', '<', before).orderBy('at').limit(limit),
      )
      .executeTakeFirst();
    return Number(result.numDeletedRows);
  }
}
