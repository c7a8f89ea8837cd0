import { sql } from 'kysely';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PostgresServer, startPostgres } from '../../../../test/support/postgres.server.js';
import { waitUntil } from '../../../../test/support/stack.js';
import { DatabaseConnection } from '../database-connection.js';

let server: PostgresServer;
const connections: DatabaseConnection[] = [];

beforeAll(async () => {
  server = await startPostgres();
  await administer('create table facts (id integer)');
});

afterAll(async () => {
  await Promise.all(connections.map((connection) => connection.close()));
  await server?.remove();
});

async function administer(...statements: readonly string[]): Promise<void> {
  const client = new Client({ connectionString: server.url });
  await client.connect();
  for (const statement of statements) {
    await client.query(statement);
  }
  await client.end();
}

function connect(options: string): DatabaseConnection {
  const url = new URL(server.url);
  url.searchParams.set('options', options);
  const connection = new DatabaseConnection(url.href);
  connections.push(connection);
  return connection;
}

const unavailable = expect.objectContaining({ code: 'database_unavailable' });

describe('a primary whose synchronous standby does not confirm', () => {
  beforeAll(async () => {
    await administer("alter system set synchronous_standby_names = 'gone'", 'select pg_reload_conf()');
    // Another process of the server puts it into force, and no view tells when.
    const { query } = connect('-c synchronous_commit=on');
    await waitUntil(
      async () =>
        sql`insert into facts values (0)`.execute(query).then(
          () => false,
          () => true,
        ),
      'the server to wait for its standby',
    );
  });
  afterAll(() => administer('alter system reset synchronous_standby_names', 'select pg_reload_conf()'));

  it('reports no transaction as done: a failover would undo it', async () => {
    const { query } = connect('-c synchronous_commit=on');
    const insert = query
      .transaction()
      .execute(async (transaction) => sql`insert into facts values (1)`.execute(transaction));
    await expect(insert).rejects.toEqual(unavailable);
  });

  it('nor a single statement', async () => {
    const { query } = connect('-c synchronous_commit=on');
    await expect(sql`insert into facts values (2)`.execute(query)).rejects.toEqual(unavailable);
  });
});

it('a server that only reads is one that another has replaced: 503 and not 500, and its connection is given up', async () => {
  const { query } = connect('-c default_transaction_read_only=on');
  const backend = async (): Promise<unknown> => (await sql`select pg_backend_pid()`.execute(query)).rows[0];
  const first = await backend();
  await expect(sql`insert into facts values (3)`.execute(query)).rejects.toEqual(unavailable);
  expect(await backend()).not.toEqual(first);
});
