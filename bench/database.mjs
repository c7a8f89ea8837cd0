// A PostgreSQL database of one's own on the server of VESTIBULE_BENCH_POSTGRES_URL.
import { randomBytes } from 'node:crypto';
import pg from 'pg';

/** Where PostgreSQL is, or undefined when nothing answers there. */
export async function findPostgres() {
  const url = process.env.VESTIBULE_BENCH_POSTGRES_URL ?? 'postgres://postgres@127.0.0.1:5432/postgres';
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 3000 });
  try {
    await client.connect();
    const { rows } = await client.query('show server_version');
    await client.end();
    return { url, version: rows[0].server_version.split(' ')[0] };
  } catch {
    return undefined;
  }
}

/** @returns its URL, and the ids of the processes that serve it (where it's on this machine). */
export async function openDatabase({ url: server }) {
  const name = `vestibule_bench_${randomBytes(5).toString('hex')}`;
  await ask(server, `create database ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return {
    url: url.href,
    async processes() {
      const { rows } = await ask(server, 'select pid from pg_stat_activity where datname = $1', [name]);
      return rows.map(({ pid }) => pid);
    },
    drop: () => ask(server, `drop database if exists ${name} with (force)`),
  };
}

export async function ask(connectionString, text, values) {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    return await client.query(text, values);
  } finally {
    await client.end();
  }
}
