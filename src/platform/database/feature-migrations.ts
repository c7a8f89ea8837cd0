import { type Kysely, sql } from 'kysely';
import type { Feature } from '../features/feature.js';
import type { Schema } from './database.schema.js';

const ledger = 'vestibule_feature_migrations';

/** A migration of a feature failed, or its ledger has one that this version of the feature doesn't know. */
export class FeatureMigrationError extends Error {
  override readonly name = 'FeatureMigrationError';
  readonly isNewer: boolean;

  /** @param migration as `feature/0001-name`. */
  constructor(
    readonly migration: string,
    options: { readonly isNewer: boolean; readonly cause?: unknown },
  ) {
    super(migration, { cause: options.cause });
    this.isNewer = options.isNewer;
  }
}

/**
 * Runs the migrations of features after the core's, in the same transaction. Those of features that are no longer in the list stay in the
 * ledger, and their tables stay too: they are needed if the feature comes back.
 * @param features in the order in which they may use each other. @throws {FeatureMigrationError}
 */
export async function migrateFeatures(query: Kysely<Schema>, features: readonly Feature[]): Promise<void> {
  if (features.every(({ migrations }) => Object.keys(migrations).length === 0)) {
    return;
  }
  await query.schema
    .createTable(ledger)
    .ifNotExists()
    .addColumn('name', 'varchar(255)', (column) => column.primaryKey())
    .execute();
  const done = new Set(await executedFeatureMigrations(query));
  for (const { name: feature, migrations } of features) {
    const names = new Set(Object.keys(migrations).map((name) => `${feature}/${name}`));
    const unknown = [...done].find((name) => name.startsWith(`${feature}/`) && !names.has(name));
    if (unknown !== undefined) {
      throw new FeatureMigrationError(unknown, { isNewer: true });
    }
    for (const [name, { up }] of Object.entries(migrations).toSorted(([a], [b]) => (a < b ? -1 : 1))) {
      const id = `${feature}/${name}`;
      if (!done.has(id)) {
        await up(query).catch((cause: unknown) => {
          throw new FeatureMigrationError(id, { isNewer: false, cause });
        });
        await sql`insert into ${sql.table(ledger)} (name) values (${id})`.execute(query);
      }
    }
  }
}

/** The migrations of features that a database has, as `feature/0001-name`. */
export async function executedFeatureMigrations(query: Kysely<Schema>): Promise<string[]> {
  const tables = await query.introspection.getTables();
  if (!tables.some(({ name }) => name === ledger)) {
    return [];
  }
  const { rows } = await sql<{ name: string }>`select name from ${sql.table(ledger)}`.execute(query);
  return rows.map(({ name }) => name);
}
