import { defineFeature } from '@vestibule-auth/vestibule';
import { noteEvents } from './note.events.js';
import { noteProblems } from './note.problems.js';
import { noteScopes } from './note.scopes.js';
import { noteSettings } from './note.settings.js';
import { NotesDatabase } from './notes.database.js';

/** Notes that the members of an organisation share. */
export const notes = defineFeature({
  name: 'notes',
  settings: noteSettings,
  tables: ['notes'],
  database: NotesDatabase,
  migrations: {
    '0001-notes': {
      up: async (query) => {
        const text = 'text';
        await query.schema
          .createTable('notes')
          .addColumn('id', text, (column) => column.primaryKey())
          .addColumn('org_id', text, (column) => column.notNull())
          .addColumn('text', text, (column) => column.notNull())
          .addColumn('created_by', text, (column) => column.notNull())
          .addColumn('created_at', 'bigint', (column) => column.notNull())
          .execute();
        await query.schema.createIndex('notes_org').on('notes').columns(['org_id', 'id']).execute();
      },
    },
  },
  problems: noteProblems,
  auditEvents: noteEvents,
  scopes: noteScopes,
  groups: { notes: 'Notes that the members of an organisation share.' },
  checks: [
    {
      name: 'notes',
      isCheap: true,
      run: async ({ NOTES_FREE_LIMIT }) =>
        NOTES_FREE_LIMIT === 0
          ? [
              {
                code: 'nobody_writes',
                severity: 'warning',
                title: 'Organisations on the free plan can’t write notes',
                fix: 'Set `NOTES_FREE_LIMIT` to more than 0.',
              },
            ]
          : [],
    },
  ],
  module: async () => (await import('./notes.module.js')).NotesModule,
});
