import type { Migration } from 'kysely';

/** The table of logins on devices. */
export const deviceLogins: Migration = {
  up: async (query) => {
    await query.schema
      .createTable('device_logins')
      .addColumn('device_hash', 'varchar(64)', (column) => column.primaryKey())
      .addColumn('user_hash', 'varchar(64)', (column) => column.notNull().unique())
      .addColumn('client_id', 'varchar(255)', (column) => column.notNull())
      .addColumn('scope', 'text', (column) => column.notNull())
      .addColumn('machine', 'varchar(60)')
      .addColumn('state', 'varchar(16)', (column) => column.notNull())
      .addColumn('session_id', 'varchar(36)')
      .addColumn('request_hash', 'varchar(64)', (column) => column.unique())
      .addColumn('sealed', 'text')
      .addColumn('asked_from', 'varchar(64)', (column) => column.notNull())
      .addColumn('asked_at', 'bigint', (column) => column.notNull())
      .addColumn('poll_interval', 'integer', (column) => column.notNull())
      .addColumn('polled_at', 'bigint', (column) => column.notNull())
      .addColumn('expires_at', 'bigint', (column) => column.notNull())
      .execute();
    await query.schema.createIndex('device_logins_expiry').on('device_logins').column('expires_at').execute();
  },
};
