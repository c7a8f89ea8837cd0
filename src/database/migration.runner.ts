import { type Migration, Migrator } from 'kysely';
import type { Database } from './database.schema.js';
import * as first from './migrations/0001-first.migration.js';

const migrations: Readonly<Record<string, Migration>> = { '0001-first': first };

/** The database can't be brought to this version of the code. The message says what to do. */
export class MigrationError extends Error {
  override readonly name = 'MigrationError';
}

/**
 * Brings the schema up to date, under the database's own lock where it has one, so that replicas may start together.
 * @throws {MigrationError} when the database is newer than the code, or a migration fails.
 */
export async function migrate(database: Database): Promise<void> {
  const migrator = new Migrator({
    db: database.query,
    provider: { getMigrations: async () => ({ ...migrations }) },
    migrationTableName: 'vestibule_migrations',
    migrationLockTableName: 'vestibule_migrations_lock',
  });
  const { error, results } = await migrator.migrateToLatest();
  if (error === undefined) {
    return;
  }
  const message = error instanceof Error ? error.message : '';
  if (message.includes('previously executed migration')) {
    throw new MigrationError(
      'The database was made by a newer version of Vestibule. Start that version or a newer one, or restore a backup.',
      { cause: error },
    );
  }
  const failed = results?.find(({ status }) => status === 'Error')?.migrationName;
  throw new MigrationError(
    failed === undefined
      ? 'The database cannot be reached or read. Check DATABASE_URL and that the server runs.'
      : `The database migration ${failed} failed; nothing of it was kept where the database can roll back.`,
    { cause: error },
  );
}
