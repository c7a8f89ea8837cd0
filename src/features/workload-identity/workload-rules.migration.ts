import type { Migration } from 'kysely';

/** The table of rules. */
export const workloadRules: Migration = {
  up: async (query) => {
    await query.schema
      .createTable('workload_rules')
      .addColumn('id', 'varchar(36)', (column) => column.primaryKey())
      .addColumn('application_id', 'varchar(255)', (column) => column.notNull())
      .addColumn('issuer', 'text', (column) => column.notNull())
      .addColumn('audience', 'text', (column) => column.notNull())
      .addColumn('claims', 'text', (column) => column.notNull())
      .addColumn('created_by', 'varchar(36)', (column) => column.notNull())
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .execute();
    await query.schema
      .createIndex('workload_rules_application')
      .on('workload_rules')
      .column('application_id')
      .execute();
  },
};
