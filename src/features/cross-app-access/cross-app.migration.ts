import type { Migration } from 'kysely';

/** The tables of cross-app access. */
export const crossAppTables: Migration = {
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
    await query.schema
      .createTable('cross_app_targets')
      .addColumn('id', 'varchar(36)', (column) => column.primaryKey())
      .addColumn('application_id', 'varchar(255)', (column) => column.notNull())
      .addColumn('audience', 'text', (column) => column.notNull())
      .addColumn('resource', 'text', (column) => column.notNull())
      .addColumn('client_id', 'text', (column) => column.notNull())
      .addColumn('scope', 'text', (column) => column.notNull())
      .addColumn('created_by', 'varchar(36)', (column) => column.notNull())
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .execute();
    await query.schema
      .createIndex('cross_app_targets_application')
      .on('cross_app_targets')
      .column('application_id')
      .execute();
  },
};
