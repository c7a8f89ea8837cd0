import { Body, Param, Query } from '@nestjs/common';
import { z } from 'zod';
import {
  type Page,
  type Principal,
  ApiController,
  ApiRoute,
  CurrentUser,
  Problem,
  RequireAal2,
  RequireAuthAge,
  RequireOrg,
  RequireRole,
  decodeCursor,
  pageQuerySchema,
  toPage,
} from '@vestibule-auth/vestibule';
import { noteScopes } from './note.scopes.js';
import { type Note, noteBodySchema, noteCountSchema, noteSchema, notesAnswerSchema } from './note.schemas.js';
import { noteProblems } from './note.problems.js';
import { type NoteRow, NotesService } from './notes.service.js';
import { planOf } from './plan.enricher.js';

const cursorSchema = z.object({ id: z.uuid() });

/** Notes that the members of an organisation share. Nothing here opens the routes, so they need a session or a key. */
@ApiController('api/v1/notes', { tag: 'notes' })
export class NotesController {
  readonly #notes: NotesService;

  constructor(notes: NotesService) {
    this.#notes = notes;
  }

  /** For every member, and for tokens and keys that have the scope. */
  @ApiRoute('GET', '', {
    scope: noteScopes['notes:read'],
    summary: 'Notes of the active organisation',
    description: 'Oldest first.',
    answer: { description: 'One page.', schema: notesAnswerSchema },
  })
  @RequireOrg()
  async list(
    @Query({ schema: pageQuerySchema }) { limit, cursor }: z.output<typeof pageQuerySchema>,
    @CurrentUser() principal: Principal,
  ): Promise<Page<Note>> {
    const after = decodeCursor(cursorSchema, cursor)?.id;
    const rows = await this.#notes.list(orgOf(principal), limit + 1, after);
    return toPage(rows, limit, toNote, ({ id }) => ({ id }));
  }

  @ApiRoute('POST', '', {
    scope: noteScopes['notes:write'],
    summary: 'Write a note',
    description: 'As many as the plan has room for.',
    answer: { status: 201, description: 'Written.', schema: noteSchema },
    problems: [noteProblems.plan_full],
  })
  @RequireOrg()
  async add(
    @Body({ schema: noteBodySchema }) { text }: z.output<typeof noteBodySchema>,
    @CurrentUser() principal: Principal,
  ): Promise<Note> {
    const { sub } = principal.claims;
    return toNote(await this.#notes.add(orgOf(principal), sub, text, planOf(principal.claims)));
  }

  /** For the organisation's administrators and owners. */
  @ApiRoute('DELETE', ':id', {
    scope: noteScopes['notes:write'],
    summary: 'Remove a note',
    description: 'One of the active organisation.',
    ids: { id: 'Id of the note.' },
    answer: { description: 'Removed.' },
    problems: ['not_found'],
  })
  @RequireOrg('admin')
  async remove(@Param('id') id: string, @CurrentUser() principal: Principal): Promise<void> {
    await this.#notes.remove(orgOf(principal), id);
  }

  /** For owners who gave their second factor, and credentials within five minutes: others are sent to log in again. */
  @ApiRoute('DELETE', '', {
    scope: noteScopes['notes:write'],
    summary: 'Remove every note',
    description: 'All of the active organisation.',
    answer: { description: 'Removed.' },
  })
  @RequireOrg('owner')
  @RequireAuthAge(300)
  @RequireAal2()
  async clear(@CurrentUser() principal: Principal): Promise<void> {
    await this.#notes.clear(orgOf(principal), principal.claims.sub);
  }

  /** For administrators of the deployment. */
  @ApiRoute('GET', 'count', {
    scope: noteScopes['notes:read'],
    summary: 'How many notes there are',
    description: 'Of all organisations.',
    answer: { description: 'The number.', schema: noteCountSchema },
  })
  @RequireRole('admin')
  async count(): Promise<z.output<typeof noteCountSchema>> {
    return { count: await this.#notes.count() };
  }
}

/** `@RequireOrg()` lets nobody pass without one; the type doesn't know that. */
function orgOf({ claims }: Principal): string {
  if (claims.org === undefined) {
    throw new Problem('forbidden', { reason: 'org_missing' });
  }
  return claims.org.id;
}

function toNote(row: NoteRow): Note {
  return {
    id: row.id,
    text: row.text,
    createdBy: row.created_by,
    createdAt: new Date(row.created_at).toISOString(),
  };
}
