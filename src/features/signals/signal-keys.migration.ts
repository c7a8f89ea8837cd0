import type { Migration } from 'kysely';

/** The table of the keys that sign security events. */
export const signalKeys: Migration = {
  up: async (query) => {
    await query.schema
      .createTable('signal_keys')
      .addColumn('generation', 'integer', (column) => column.primaryKey())
      .addColumn('kid', 'varchar(255)', (column) => column.notNull())
      .addColumn('public_jwk', 'text', (column) => column.notNull())
      .addColumn('private_jwk', 'text', (column) => column.notNull())
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .addColumn('signs_from', 'bigint', (column) => column.notNull())
      .execute();
  },
};
