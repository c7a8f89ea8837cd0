import type { Migration } from 'kysely';

/** The table of authorization requests that were pushed. */
export const pushedRequestTable: Migration = {
  up: async (query) => {
    await query.schema
      .createTable('pushed_requests')
      .addColumn('reference_hash', 'varchar(64)', (column) => column.primaryKey())
      .addColumn('client_id', 'varchar(255)', (column) => column.notNull())
      .addColumn('sealed', 'text', (column) => column.notNull())
      .addColumn('expires_at', 'bigint', (column) => column.notNull())
      .execute();
    await query.schema
      .createIndex('pushed_requests_expiry')
      .on('pushed_requests')
      .column('expires_at')
      .execute();
  },
};
