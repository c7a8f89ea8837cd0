import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Client } from 'pg';
import { findFreePorts } from '../../src/launcher/port-finder.js';
import { waitUntil } from './stack.js';

/** A PostgreSQL server whose own `pg_dump` and `pg_restore` are at hand: those of another version may refuse it. */
export interface PostgresWithTools {
  readonly url: string;
  /** Folder of the programs. */
  readonly bin: string;
  remove(): Promise<void>;
}

/** Where Debian keeps the programs of each version. */
const debian = '/usr/lib/postgresql';
/** PostgreSQL refuses to run as root: then it runs as `nobody`. */
const nobody = 65_534;

/**
 * The given server, where its version's programs are installed; else one of our own of an installed version.
 * @param url of `inject('postgresUrl')`.
 * @throws when no version is installed: `npm test` brings one.
 */
export async function postgresWithTools(url: string): Promise<PostgresWithTools> {
  const folders = programFolders();
  const version = await versionOf(url);
  const same = folders.find((folder) => versionIn(folder) === version);
  if (same !== undefined) {
    return { url, bin: same, remove: async () => undefined };
  }
  return startOwn(postgresPrograms());
}

/** Folder of an installed version's programs, the server among them. @throws when there is none: `npm test` brings one. */
export function postgresPrograms(): string {
  const whole = programFolders().find((folder) => existsSync(join(folder, 'initdb')));
  if (whole === undefined) {
    throw new Error(
      'pg_dump and a server of its version are missing: install the package postgresql, or let `npm test` do it.',
    );
  }
  return whole;
}

function programFolders(): string[] {
  const given = process.env['PG_DUMP'];
  return [
    ...(given === undefined ? [] : [dirname(given)]),
    ...(existsSync(debian) ? readdirSync(debian) : []).map((name) => join(debian, name, 'bin')),
  ].filter((folder) => existsSync(join(folder, 'pg_dump')));
}

function versionIn(folder: string): number {
  const text = execFileSync(join(folder, 'pg_dump'), ['--version'], { encoding: 'utf8' });
  return Number(/ (\d+)[.\d]*/.exec(text)?.[1]);
}

async function versionOf(url: string): Promise<number> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ version: string }>(
      "select current_setting('server_version_num') as version",
    );
    return Math.floor(Number(rows[0]?.version) / 10_000);
  } finally {
    await client.end();
  }
}

async function startOwn(bin: string): Promise<PostgresWithTools> {
  const folder = await mkdtemp(join(tmpdir(), 'vestibule-postgres-'));
  const [port = 0] = await findFreePorts(1);
  const isRoot = process.getuid?.() === 0;
  const as = isRoot ? { uid: nobody, gid: nobody } : {};
  if (isRoot) {
    chownSync(folder, nobody, nobody);
  }
  const data = join(folder, 'data');
  execFileSync(join(bin, 'initdb'), ['--username=postgres', '--auth=trust', '--no-sync', '-D', data], {
    ...as,
    cwd: folder,
    stdio: 'pipe',
  });
  const settings = [
    'listen_addresses=127.0.0.1',
    `port=${port}`,
    'fsync=off',
    `unix_socket_directories=${folder}`,
  ];
  const server: ChildProcess = spawn(
    join(bin, 'postgres'),
    ['-D', data, ...settings.flatMap((setting) => ['-c', setting])],
    { ...as, cwd: folder, stdio: 'ignore' },
  );
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  await waitUntil(async () => versionOf(url).then(Boolean, () => false), 'PostgreSQL to answer');
  return {
    url,
    bin,
    remove: async () => {
      server.kill('SIGINT');
      await once(server, 'exit');
      await rm(folder, { recursive: true, force: true });
    },
  };
}
