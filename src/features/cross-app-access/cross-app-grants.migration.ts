import type { Migration } from 'kysely';

/** The table of grants. */
export const crossAppGrants: Migration = {
  up: async (query) => {
    await query.schema
      .createTable('cross_app_grants')
      .addColumn('id', 'varchar(36)', (column) => column.primaryKey())
      .addColumn('subject', 'varchar(255)', (column) => column.notNull())
      .addColumn('client_id', 'varchar(255)', (column) => column.notNull())
      .addColumn('resource', 'text', (column) => column.notNull())
      .addColumn('scope', 'text', (column) => column.notNull())
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .addColumn('used_at', 'bigint', (column) => column.notNull())
      .addColumn('ended_at', 'bigint')
      .addUniqueConstraint('cross_app_grants_subject', ['subject', 'client_id', 'resource'])
      .execute();
  },
};
