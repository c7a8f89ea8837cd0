import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import {
  ApiBearerAuth,
  ApiBody,
  ApiCookieAuth,
  ApiOperation,
  ApiResponse,
  ApiSecurity,
  ApiTags,
} from '@nestjs/swagger';
import { z } from 'zod';
import { Problem } from '../../src/core/problem.error.js';
import { ApiProblems } from '../../src/http/openapi.decorators.js';
import { type Page, decodeCursor, pageQuerySchema, toPage } from '../../src/http/page.cursor.js';
import { CurrentUser, RequireOrg, RequireRole, RequireScope } from '../../src/session/access.decorators.js';
import type { Principal } from '../../src/session/principal.js';
import { RequireAal2, RequireAuthAge } from '../../src/session/step-up.decorators.js';
import { type Note, noteBodySchema, noteSchema, notesAnswerSchema } from './note.schemas.js';
import { type NoteRow, NotesService } from './notes.service.js';
import { planOf } from './plan.enricher.js';

const cursorSchema = z.object({ id: z.uuid() });

/** Notes that the members of an organisation share. Nothing here opens the routes, so they need a session or a key. */
@ApiTags('notes')
@ApiCookieAuth()
@ApiBearerAuth()
@ApiSecurity('apiKey')
@Controller('api/v1/notes')
export class NotesController {
  readonly #notes: NotesService;

  constructor(notes: NotesService) {
    this.#notes = notes;
  }

  /** For every member, and for tokens and keys that have the scope. */
  @Get()
  @RequireOrg()
  @RequireScope('notes:read')
  @ApiOperation({ summary: 'Notes of the active organisation', description: 'Oldest first.' })
  @ApiResponse({ status: 200, description: 'One page.', standardSchema: notesAnswerSchema })
  @ApiProblems('validation_failed', 'unauthenticated', 'forbidden', 'insufficient_scope')
  async list(
    @Query({ schema: pageQuerySchema }) { limit, cursor }: z.output<typeof pageQuerySchema>,
    @CurrentUser() principal: Principal,
  ): Promise<Page<Note>> {
    const after = decodeCursor(cursorSchema, cursor)?.id;
    const rows = await this.#notes.list(orgOf(principal), limit + 1, after);
    return toPage(rows, limit, toNote, ({ id }) => ({ id }));
  }

  @Post()
  @RequireOrg()
  @RequireScope('notes:write')
  @ApiOperation({ summary: 'Write a note', description: 'As many as the plan has room for.' })
  @ApiBody({ required: true })
  @ApiResponse({ status: 201, description: 'Written.', standardSchema: noteSchema })
  @ApiProblems('validation_failed', 'unauthenticated', 'forbidden', 'insufficient_scope', 'conflict')
  async add(
    @Body({ schema: noteBodySchema }) { text }: z.output<typeof noteBodySchema>,
    @CurrentUser() principal: Principal,
  ): Promise<Note> {
    const { sub } = principal.claims;
    return toNote(await this.#notes.add(orgOf(principal), sub, text, planOf(principal.claims)));
  }

  /** For the organisation's administrators and owners. */
  @Delete(':id')
  @HttpCode(204)
  @RequireOrg('admin')
  @RequireScope('notes:write')
  @ApiOperation({ summary: 'Remove a note', description: 'One of the active organisation.' })
  @ApiResponse({ status: 204, description: 'Removed.' })
  @ApiProblems('unauthenticated', 'forbidden', 'insufficient_scope', 'not_found')
  async remove(@Param('id') id: string, @CurrentUser() principal: Principal): Promise<void> {
    await this.#notes.remove(orgOf(principal), id);
  }

  /** For owners who gave their second factor, and credentials within five minutes: others are sent to log in again. */
  @Delete()
  @HttpCode(204)
  @RequireOrg('owner')
  @RequireScope('notes:write')
  @RequireAuthAge(300)
  @RequireAal2()
  @ApiOperation({ summary: 'Remove every note', description: 'All of the active organisation.' })
  @ApiResponse({ status: 204, description: 'Removed.' })
  @ApiProblems('unauthenticated', 'reauthentication_required', 'forbidden', 'insufficient_scope')
  async clear(@CurrentUser() principal: Principal): Promise<void> {
    await this.#notes.clear(orgOf(principal));
  }

  /** For administrators of the deployment. */
  @Get('count')
  @RequireRole('admin')
  @RequireScope('notes:read')
  @ApiOperation({ summary: 'How many notes there are', description: 'Of all organisations.' })
  @ApiResponse({
    status: 200,
    description: 'The number.',
    schema: { type: 'object', required: ['count'], properties: { count: { type: 'integer', example: 42 } } },
  })
  @ApiProblems('unauthenticated', 'forbidden', 'insufficient_scope')
  async count(): Promise<{ count: number }> {
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
