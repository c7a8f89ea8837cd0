import type { Migration } from 'kysely';

/** The table of keys to which refresh tokens are bound. */
export const grantKeys: Migration = {
  up: async (query) => {
    await query.schema
      .createTable('resource_grant_keys')
      .addColumn('grant_id', 'varchar(36)', (column) => column.primaryKey())
      .addColumn('jkt', 'varchar(43)', (column) => column.notNull())
      .addColumn('used_at', 'bigint', (column) => column.notNull())
      .execute();
    await query.schema
      .createIndex('resource_grant_keys_use')
      .on('resource_grant_keys')
      .column('used_at')
      .execute();
  },
};
