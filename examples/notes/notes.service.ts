import { Inject, Injectable } from '@nestjs/common';
import type { Selectable } from 'kysely';
import { AuditService, Problem, type SettingsOf, newId } from '@vestibule-auth/vestibule';
import { noteEvents } from './note.events.js';
import { noteProblems } from './note.problems.js';
import { noteSettings } from './note.settings.js';
import { NotesDatabase, type NotesTable } from './notes.database.js';

/** A stored note. */
export type NoteRow = Selectable<NotesTable>;

/** Notes of organisations. Every question names the organisation, so that no caller meets another one's notes. */
@Injectable()
export class NotesService {
  readonly #most: Readonly<Record<'free' | 'team', number>>;

  constructor(
    private readonly database: NotesDatabase,
    private readonly audit: AuditService,
    @Inject(noteSettings.token) { NOTES_FREE_LIMIT }: SettingsOf<typeof noteSettings>,
  ) {
    this.#most = { free: NOTES_FREE_LIMIT, team: 1000 };
  }

  /** Notes of an organisation, oldest first. @param after id of the last note of the page before. */
  async list(orgId: string, limit: number, after?: string): Promise<NoteRow[]> {
    const notes = this.database.query
      .selectFrom('notes')
      .selectAll()
      .where('org_id', '=', orgId)
      .orderBy('id')
      .limit(limit);
    return (after === undefined ? notes : notes.where('id', '>', after)).execute();
  }

  /** @throws {Problem} `notes:plan_full` when the plan has no room for another note. */
  async add(orgId: string, userId: string, text: string, plan: 'free' | 'team'): Promise<NoteRow> {
    if ((await this.list(orgId, this.#most[plan])).length === this.#most[plan]) {
      throw new Problem(noteProblems.plan_full, { reason: 'notes_plan_full' });
    }
    const row = { id: newId(), org_id: orgId, text, created_by: userId, created_at: Date.now() };
    await this.database.query.insertInto('notes').values(row).execute();
    return row;
  }

  /** @throws {Problem} `not_found` also for another organisation's note: who may not see it doesn't learn of it. */
  async remove(orgId: string, id: string): Promise<void> {
    const { numDeletedRows } = await this.database.query
      .deleteFrom('notes')
      .where('org_id', '=', orgId)
      .where('id', '=', id)
      .executeTakeFirstOrThrow();
    if (numDeletedRows === 0n) {
      throw new Problem('not_found', { reason: 'no_such_note' });
    }
  }

  /** Removes every note of an organisation, which its audit trail then has. */
  async clear(orgId: string, userId: string): Promise<void> {
    await this.database.query.deleteFrom('notes').where('org_id', '=', orgId).execute();
    await this.audit.record({ type: noteEvents.cleared.type, userId, orgId });
  }

  /** How many notes there are in all. */
  async count(): Promise<number> {
    const { count } = await this.database.query
      .selectFrom('notes')
      .select(({ fn }) => fn.countAll().as('count'))
      .executeTakeFirstOrThrow();
    return Number(count);
  }
}
