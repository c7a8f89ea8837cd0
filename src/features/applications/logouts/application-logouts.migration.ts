import type { Migration } from 'kysely';

const id = 'varchar(255)';

/** The tables of logouts that applications are told of. */
export const applicationLogouts: Migration = {
  up: async (query) => {
    await query.schema
      .createTable('application_logins')
      .addColumn('sid', id, (column) => column.notNull())
      .addColumn('client_id', id, (column) => column.notNull())
      .addColumn('subject', id, (column) => column.notNull())
      .addColumn('logged_in_at', 'bigint', (column) => column.notNull())
      .addPrimaryKeyConstraint('application_logins_pk', ['sid', 'client_id'])
      .execute();
    await query.schema
      .createIndex('application_logins_age')
      .on('application_logins')
      .column('logged_in_at')
      .execute();
    await query.schema
      .createIndex('application_logins_user')
      .on('application_logins')
      .columns(['subject', 'client_id'])
      .execute();
    await query.schema
      .createTable('application_logouts')
      .addColumn('client_id', id, (column) => column.notNull())
      .addColumn('token_id', id, (column) => column.notNull())
      .addColumn('sid', id)
      .addColumn('subject', id)
      .addColumn('failures', 'integer', (column) => column.notNull())
      .addColumn('due_at', 'bigint')
      .addColumn('expires_at', 'bigint', (column) => column.notNull())
      .addPrimaryKeyConstraint('application_logouts_pk', ['client_id', 'token_id'])
      .execute();
    await query.schema
      .createIndex('application_logouts_due')
      .on('application_logouts')
      .column('due_at')
      .where('due_at', 'is not', null)
      .execute();
    await query.schema
      .createIndex('application_logouts_expiry')
      .on('application_logouts')
      .column('expires_at')
      .execute();
  },
};
