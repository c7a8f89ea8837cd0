import { Injectable } from '@nestjs/common';
import type { Selectable } from 'kysely';
import { lowestId } from '../core/identifier.js';
import { type AuditEventsTable, Database } from '../database/database.schema.js';
import type { AuditFilter } from './audit-event.schemas.js';

/** Reads the audit trail. */
@Injectable()
export class AuditEventReader {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /**
   * Events, newest first. Ids are ordered by time, so that every filter is a range of an index that ends with the id.
   * @param before id of the last event of the page before.
   */
  async list(
    filter: AuditFilter,
    limit: number,
    before: string | undefined,
  ): Promise<Selectable<AuditEventsTable>[]> {
    let events = this.#database.query
      .selectFrom('audit_events')
      .selectAll()
      .orderBy('id', 'desc')
      .limit(limit);
    if (filter.type !== undefined) {
      events = events.where('type', '=', filter.type);
    }
    if (filter.actor !== undefined) {
      events = events.where('actor_id', '=', filter.actor);
    }
    if (filter.target !== undefined) {
      events = events.where('target_id', '=', filter.target);
    }
    if (filter.org !== undefined) {
      events = events.where('org_id', '=', filter.org);
    }
    if (filter.from !== undefined) {
      events = events.where('id', '>=', lowestId(filter.from));
    }
    if (filter.to !== undefined) {
      events = events.where('id', '<', lowestId(filter.to));
    }
    if (before !== undefined) {
      events = events.where('id', '<', before);
    }
    return events.execute();
  }
}
