import { Injectable, type OnModuleInit } from '@nestjs/common';
import type { Kysely, Selectable } from 'kysely';
import { Database, Problem, newId } from '@vestibule-auth/vestibule';

/** A table of our own beside Vestibule's. Times are milliseconds since the epoch. */
interface NotesTable {
  id: string;
  org_id: string;
  text: string;
  created_by: string;
  created_at: number;
}

/** A stored note. */
export type NoteRow = Selectable<NotesTable>;

const most = { free: 3, team: 1000 } as const;

/** Notes of organisations. Every question names the organisation, so that no caller meets another one's notes. */
@Injectable()
export class NotesService implements OnModuleInit {
  readonly #query: Kysely<{ notes: NotesTable }>;

  constructor(database: Database) {
    this.#query = database.query.withTables<{ notes: NotesTable }>();
  }

  /** Fine for one table; take migrations for more. */
  async onModuleInit(): Promise<void> {
    const text = 'text';
    await this.#query.schema
      .createTable('notes')
      .ifNotExists()
      .addColumn('id', text, (column) => column.primaryKey())
      .addColumn('org_id', text, (column) => column.notNull())
      .addColumn('text', text, (column) => column.notNull())
      .addColumn('created_by', text, (column) => column.notNull())
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .execute();
    await this.#query.schema
      .createIndex('notes_org')
      .ifNotExists()
      .on('notes')
      .columns(['org_id', 'id'])
      .execute();
  }

  /** Notes of an organisation, oldest first. @param after id of the last note of the page before. */
  async list(orgId: string, limit: number, after?: string): Promise<NoteRow[]> {
    const notes = this.#query
      .selectFrom('notes')
      .selectAll()
      .where('org_id', '=', orgId)
      .orderBy('id')
      .limit(limit);
    return (after === undefined ? notes : notes.where('id', '>', after)).execute();
  }

  /** @throws {Problem} `conflict` when the plan has no room for another note. */
  async add(orgId: string, userId: string, text: string, plan: 'free' | 'team'): Promise<NoteRow> {
    if ((await this.list(orgId, most[plan])).length === most[plan]) {
      throw new Problem('conflict', {
        detail: 'The plan has no room for another note.',
        reason: 'notes_plan_full',
      });
    }
    const row = { id: newId(), org_id: orgId, text, created_by: userId, created_at: Date.now() };
    await this.#query.insertInto('notes').values(row).execute();
    return row;
  }

  /** @throws {Problem} `not_found` also for another organisation's note: who may not see it doesn't learn of it. */
  async remove(orgId: string, id: string): Promise<void> {
    const { numDeletedRows } = await this.#query
      .deleteFrom('notes')
      .where('org_id', '=', orgId)
      .where('id', '=', id)
      .executeTakeFirstOrThrow();
    if (numDeletedRows === 0n) {
      throw new Problem('not_found', { reason: 'no_such_note' });
    }
  }

  /** Removes every note of an organisation. */
  async clear(orgId: string): Promise<void> {
    await this.#query.deleteFrom('notes').where('org_id', '=', orgId).execute();
  }

  /** How many notes there are in all. */
  async count(): Promise<number> {
    const { count } = await this.#query
      .selectFrom('notes')
      .select(({ fn }) => fn.countAll().as('count'))
      .executeTakeFirstOrThrow();
    return Number(count);
  }
}
