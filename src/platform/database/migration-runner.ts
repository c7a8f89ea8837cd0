import { setTimeout as delay } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { type Kysely, type Migration, type MigrationResultSet, Migrator, sql } from 'kysely';
import { StartError } from '../errors/start-errors.js';
import type { Database, Schema } from './database.schema.js';
import * as first from './migrations/0001-first.migration.js';
import * as sessionLife from './migrations/0002-session-life.migration.js';
import * as peopleAndMachines from './migrations/0003-people-and-machines.migration.js';
import * as auditAndCommandLine from './migrations/0004-audit-and-command-line.migration.js';
import * as invitesAndOrgSearch from './migrations/0005-invites-and-org-search.migration.js';
import * as keyOrganisation from './migrations/0006-key-organisation.migration.js';
import * as addressOwnership from './migrations/0007-address-ownership.migration.js';
import * as provenInvitesAndDomains from './migrations/0008-proven-invites-and-domains.migration.js';
import * as milestones from './migrations/0009-milestones.migration.js';
import * as providerGrants from './migrations/0010-provider-grants.migration.js';
import * as addressProofs from './migrations/0011-address-proofs.migration.js';
import * as signalStreams from './migrations/0012-signal-streams.migration.js';
import * as protectedHosts from './migrations/0013-protected-hosts.migration.js';
import * as applicationSecrets from './migrations/0014-application-secrets.migration.js';
import * as applicationUses from './migrations/0015-application-uses.migration.js';
import * as connections from './migrations/0016-connections.migration.js';
import * as oauthClients from './migrations/0017-oauth-clients.migration.js';
import * as connectionGrants from './migrations/0018-connection-grants.migration.js';
import * as secondFactor from './migrations/0019-second-factor.migration.js';
import * as postedAnswers from './migrations/0020-posted-answers.migration.js';
import * as orgConnections from './migrations/0021-org-connections.migration.js';
import * as orgSlugs from './migrations/0023-org-slugs.migration.js';
import * as providerAnswers from './migrations/0024-provider-answers.migration.js';
import * as refreshAnswers from './migrations/0025-refresh-answers.migration.js';
import * as accountInvites from './migrations/0027-account-invites.migration.js';
import * as formerAddress from './migrations/0030-former-address.migration.js';
import * as providerEnds from './migrations/0031-provider-ends.migration.js';
import * as forgottenAccounts from './migrations/0032-forgotten-accounts.migration.js';
import * as recoveryCodes from './migrations/0036-recovery-codes.migration.js';
import * as keyMakers from './migrations/0037-key-makers.migration.js';
import * as lostRights from './migrations/0038-lost-rights.migration.js';
import * as manySessions from './migrations/0039-many-sessions.migration.js';
import type { Feature } from '../features/feature.js';
import { isPostgres } from './dialect.js';
import { executedFeatureMigrations, FeatureMigrationError, migrateFeatures } from './feature-migrations.js';

const migrations: Readonly<Record<string, Migration>> = {
  '0001-first': first,
  '0002-session-life': sessionLife,
  '0003-people-and-machines': peopleAndMachines,
  '0004-audit-and-command-line': auditAndCommandLine,
  '0005-invites-and-org-search': invitesAndOrgSearch,
  '0006-key-organisation': keyOrganisation,
  '0007-address-ownership': addressOwnership,
  '0008-proven-invites-and-domains': provenInvitesAndDomains,
  '0009-milestones': milestones,
  '0010-provider-grants': providerGrants,
  '0011-address-proofs': addressProofs,
  '0012-signal-streams': signalStreams,
  '0013-protected-hosts': protectedHosts,
  '0014-application-secrets': applicationSecrets,
  '0015-application-uses': applicationUses,
  '0016-connections': connections,
  '0017-oauth-clients': oauthClients,
  '0018-connection-grants': connectionGrants,
  '0019-second-factor': secondFactor,
  '0020-posted-answers': postedAnswers,
  '0021-org-connections': orgConnections,
  '0023-org-slugs': orgSlugs,
  '0024-provider-answers': providerAnswers,
  '0025-refresh-answers': refreshAnswers,
  '0027-account-invites': accountInvites,
  '0030-former-address': formerAddress,
  '0031-provider-ends': providerEnds,
  '0032-forgotten-accounts': forgottenAccounts,
  '0036-recovery-codes': recoveryCodes,
  '0037-key-makers': keyMakers,
  '0038-lost-rights': lostRights,
  '0039-many-sessions': manySessions,
};

const migrationTable = 'vestibule_migrations';
const logger = new Logger('database');

/** Thrown when the schema can't be migrated to this version of the code. The message states what to do. */
export class MigrationError extends StartError {
  override readonly name = 'MigrationError';
}

/**
 * Migrates the schema to this version of the code. It holds a lock, so replicas may start at the same time.
 * @param features those whose own migrations run after the core's, in the order in which they may use each other.
 * @throws {MigrationError} when the database is newer than the code, or a migration fails.
 */
export async function migrate(database: Database, features: readonly Feature[] = []): Promise<void> {
  const { query } = database;
  const { error, results } = await runInTransaction(query, features).catch(
    (failure: unknown): MigrationResultSet => ({
      error: failure,
    }),
  );
  if (error === undefined) {
    return;
  }
  const message = error instanceof Error ? error.message : '';
  const ofFeature = error instanceof FeatureMigrationError ? error : undefined;
  if (message.includes('previously executed migration') || ofFeature?.isNewer === true) {
    throw new MigrationError(
      'The database was made by a newer version of Vestibule. Start that version or a newer one, or restore a backup.',
      { cause: error },
    );
  }
  const failed = ofFeature?.migration ?? results?.find(({ status }) => status === 'Error')?.migrationName;
  throw new MigrationError(
    failed === undefined
      ? 'The database cannot be reached or read. Check DATABASE_URL and that the server runs.'
      : `The database migration ${failed} failed; nothing of it was kept where the database can roll back.`,
    { cause: error },
  );
}

async function run(query: Kysely<Schema>): Promise<MigrationResultSet> {
  const migrator = new Migrator({
    db: query,
    provider: { getMigrations: async () => ({ ...migrations }) },
    migrationTableName: migrationTable,
    migrationLockTableName: 'vestibule_migrations_lock',
    disableTransactions: true,
  });
  return migrator.migrateToLatest();
}

/** Milliseconds until the lock is asked for again. */
const pause = 100;
/** Times after which the log tells what a start waits for. */
const waitsUntilTold = 100;
/** Kysely's own number for its lock, so that a replica of an older version waits too. */
const lockId = '3853314791062309107';

/**
 * Runs the migrations in one transaction, which makes other processes wait from the first statement on.
 *
 * SQLite can roll back a schema, but Kysely doesn't use that: a process that ended halfway would leave half a schema that no later
 * start can complete. In PostgreSQL, Kysely's lock belongs to a connection. A pooler in transaction mode gives each transaction
 * another one, so the lock here belongs to the transaction (and {@link TransactionLockDialect} takes none).
 */
async function runInTransaction(
  query: Kysely<Schema>,
  features: readonly Feature[],
): Promise<MigrationResultSet> {
  return query.connection().execute(async (connection) => {
    await (isPostgres(connection) ? sql`begin` : sql`begin immediate`).execute(connection);
    const outcome = await lockAndRun(connection, features).catch((failure: unknown): MigrationResultSet => ({
      error: failure,
    }));
    await (outcome.error === undefined ? sql`commit` : sql`rollback`).execute(connection);
    return outcome;
  });
}

async function lockAndRun(
  connection: Kysely<Schema>,
  features: readonly Feature[],
): Promise<MigrationResultSet> {
  if (isPostgres(connection)) {
    await takeLock(connection);
  }
  const outcome = await run(connection);
  if (outcome.error === undefined) {
    await migrateFeatures(connection, features);
  }
  return outcome;
}

/** Waits by asking: a statement that waits for the lock would meet the time limit of statements. */
async function takeLock(connection: Kysely<Schema>): Promise<void> {
  const ask = sql<{ is_taken: boolean }>`select pg_try_advisory_xact_lock(${sql.lit(lockId)}) as is_taken`;
  for (let waits = 0; (await ask.execute(connection)).rows[0]?.is_taken !== true; waits += 1) {
    if (waits === waitsUntilTold) {
      logger.warn('another process migrates the database, or hangs in it: this one waits', {
        reason: 'migration_lock_held',
      });
    }
    await delay(pause);
  }
}

/** How a database differs from this version of the code, by names of migrations. */
export interface SchemaDifference {
  /** Migrations that are still to be run. */
  readonly pending: readonly string[];
  /** Migrations that a newer version has run. */
  readonly unknown: readonly string[];
}

/**
 * Compares the schema with this version of the code, and changes nothing.
 * @param features those of the deployment. @throws when the schema can't be read.
 */
export async function compareSchema(
  { query }: Database,
  features: readonly Feature[],
): Promise<SchemaDifference> {
  const tables = await query.introspection.getTables({ withInternalKyselyTables: true });
  const executed = tables.some(({ name }) => name === migrationTable)
    ? (await sql<{ name: string }>`select name from ${sql.table(migrationTable)}`.execute(query)).rows
    : [];
  const done = [...executed.map(({ name }) => name), ...(await executedFeatureMigrations(query))];
  const known = [
    ...Object.keys(migrations),
    ...features.flatMap(({ name, migrations: own }) => Object.keys(own).map((id) => `${name}/${id}`)),
  ];
  // Those of a feature that isn't in the list are no sign of a newer version.
  const names = new Set(features.map(({ name }) => name));
  const isOurs = (id: string): boolean => !id.includes('/') || names.has(id.slice(0, id.indexOf('/')));
  return {
    pending: known.filter((id) => !done.includes(id)),
    unknown: done.filter((id) => isOurs(id) && !known.includes(id)),
  };
}
