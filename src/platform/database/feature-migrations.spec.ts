import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { databaseKinds } from '../../../test/support/database.kinds.js';
import { type FreshDatabase, freshDatabase } from '../../../test/support/fresh.database.js';
import { type Feature, type FeatureDefinition, defineFeature } from '../features/feature.js';
import { MigrationError, compareSchema, migrate } from './migration-runner.js';

type Migrations = NonNullable<FeatureDefinition<Record<never, never>>['migrations']>;

const billing = (migrations: Migrations, needs: readonly string[] = []): Feature =>
  defineFeature({ name: 'billing', needs, migrations, module: async () => class {} });

const first: Migrations = {
  '0001-invoices': {
    up: async (query) => query.schema.createTable('billing_invoices').addColumn('id', 'text').execute(),
  },
};
const second: Migrations = {
  ...first,
  '0002-totals': {
    up: async (query) => query.schema.alterTable('billing_invoices').addColumn('total', 'text').execute(),
  },
};

describe.each(databaseKinds)('migrations of features on %s', (kind) => {
  let database: FreshDatabase;

  beforeEach(async () => {
    database = await freshDatabase(kind, inject('postgresUrl'));
  });

  afterEach(async () => {
    await database?.drop();
  });

  it('run once each, in the order of their names, those of a newer version later', async () => {
    const connection = database.connect();
    await migrate(connection, [billing(first)]);
    await migrate(connection, [billing(first)]);
    await migrate(connection, [billing(second)]);
    await sql`insert into billing_invoices (id, total) values ('one', '2')`.execute(connection.query);
    const { rows } = await sql`select id, total from billing_invoices`.execute(connection.query);
    expect(rows).toEqual([{ id: 'one', total: '2' }]);
    expect(await compareSchema(connection, [billing(second)])).toEqual({ pending: [], unknown: [] });
  });

  it('one that fails is named, and nothing of that start is kept', async () => {
    const connection = database.connect();
    const broken: Migrations = {
      ...first,
      '0002-broken': { up: async (query) => query.schema.dropTable('no_such_table').execute() },
    };
    const failure: unknown = await migrate(connection, [billing(broken)]).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(MigrationError);
    expect(String(failure)).toContain('billing/0002-broken');
    const { pending } = await compareSchema(connection, [billing(broken)]);
    expect(pending).toContain('0001-first');
    expect(pending).toContain('billing/0001-invoices');
  });

  it('a feature that left the list is no newer version, and goes on when it comes back', async () => {
    const connection = database.connect();
    await migrate(connection, [billing(first)]);
    await migrate(connection, []);
    expect(await compareSchema(connection, [])).toEqual({ pending: [], unknown: [] });
    await migrate(connection, [billing(second)]);
    expect(await compareSchema(connection, [billing(second)])).toEqual({ pending: [], unknown: [] });
  });

  it('an older version of a feature that is in the list is refused, with what to do', async () => {
    const connection = database.connect();
    await migrate(connection, [billing(second)]);
    expect(await compareSchema(connection, [billing(first)])).toEqual({
      pending: [],
      unknown: ['billing/0002-totals'],
    });
    await expect(migrate(connection, [billing(first)])).rejects.toThrow(
      'The database was made by a newer version of Vestibule.',
    );
  });
});

it('four replicas that start at once on PostgreSQL run each once', async () => {
  const database = await freshDatabase('postgres', inject('postgresUrl'));
  try {
    const connections = Array.from({ length: 4 }, () => database.connect());
    await Promise.all(connections.map((connection) => migrate(connection, [billing(second)])));
    expect(await compareSchema(database.connect(), [billing(second)])).toEqual({ pending: [], unknown: [] });
  } finally {
    await database.drop();
  }
});
