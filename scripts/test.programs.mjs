// The programs that tests run beside Node and Ory.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { PrepareError } from './prepare.mjs';

/** A path in this variable, one that's installed and has all it needs, or Debian's package where apt may. */
const programs = [
  {
    variable: 'CHROMIUM',
    name: 'Chromium',
    // Without the window of a browser, which nobody sees: a third of the work.
    package: 'chromium-headless-shell',
    paths: [
      '/usr/bin/chromium-headless-shell',
      '/usr/bin/chromium',
      '/usr/bin/chromium-browser',
      '/usr/bin/google-chrome',
    ],
  },
  {
    variable: 'REDIS_SERVER',
    name: 'Redis',
    package: 'redis-server',
    paths: ['/usr/bin/redis-server', '/usr/bin/valkey-server', '/usr/local/bin/redis-server'],
  },
  {
    variable: 'PGBOUNCER',
    name: 'PgBouncer',
    package: 'pgbouncer',
    paths: ['/usr/sbin/pgbouncer', '/usr/bin/pgbouncer'],
  },
  {
    variable: 'PATRONI',
    name: 'Patroni',
    package: 'patroni',
    paths: ['/usr/bin/patroni', '/usr/local/bin/patroni'],
  },
  {
    variable: 'ETCD',
    name: 'etcd',
    package: 'etcd-server',
    paths: ['/usr/bin/etcd', '/usr/local/bin/etcd'],
  },
  {
    variable: 'HAPROXY',
    name: 'HAProxy',
    package: 'haproxy',
    paths: ['/usr/sbin/haproxy', '/usr/local/sbin/haproxy'],
  },
  {
    variable: 'NGINX',
    name: 'nginx',
    package: 'nginx',
    paths: ['/usr/sbin/nginx', '/usr/bin/nginx', '/usr/local/sbin/nginx'],
  },
  {
    variable: 'CADDY',
    name: 'Caddy',
    package: 'caddy',
    paths: ['/usr/bin/caddy', '/usr/local/bin/caddy'],
  },
  {
    variable: 'SLAPD',
    name: 'OpenLDAP',
    package: 'slapd',
    paths: ['/usr/sbin/slapd', '/usr/local/libexec/slapd'],
  },
  {
    variable: 'PLACKUP',
    name: 'LemonLDAP::NG',
    package:
      'liblemonldap-ng-portal-perl libplack-perl libstring-random-perl libio-string-perl liblasso-perl libxml-simple-perl',
    paths: ['/usr/bin/plackup'],
    hasAll: () =>
      ['Lemonldap/NG/Portal/Main.pm', 'String/Random.pm', 'IO/String.pm', 'XML/Simple.pm'].every((module) =>
        existsSync(`/usr/share/perl5/${module}`),
      ),
  },
  {
    variable: 'PHP',
    name: 'PHP with SimpleSAMLphp',
    // Its web server isn't started: PHP's own one serves it.
    package: 'simplesamlphp php-cli php-xml php-mbstring',
    paths: ['/usr/bin/php', '/usr/local/bin/php'],
    hasAll: (path) =>
      existsSync('/usr/share/simplesamlphp/www/saml2/idp/SSOService.php') &&
      spawnSync(path, ['-r', "exit(extension_loaded('dom') && extension_loaded('mbstring') ? 0 : 1);"])
        .status === 0,
  },
  {
    variable: 'PYTHON',
    name: 'Python with PyJWT, Flask and FastAPI',
    package: 'python3-jwt python3-cryptography python3-flask python3-fastapi python3-uvicorn',
    paths: ['/usr/bin/python3', '/usr/local/bin/python3'],
    hasAll: (path) =>
      spawnSync(path, ['-c', 'import jwt, cryptography, flask, fastapi, uvicorn']).status === 0,
  },
  {
    variable: 'PG_DUMP',
    name: "PostgreSQL's programs",
    package: 'postgresql',
    paths: [18, 17, 16, 15, 14].map((version) => `/usr/lib/postgresql/${version}/bin/pg_dump`),
  },
  {
    variable: 'DOCKERD',
    name: 'Docker',
    package: 'docker.io runc iptables',
    paths: ['/usr/sbin/dockerd', '/usr/bin/dockerd'],
  },
  {
    variable: 'PODMAN',
    name: 'Podman',
    package: 'podman netavark aardvark-dns catatonit',
    paths: ['/usr/bin/podman'],
  },
  {
    variable: 'MMDEBSTRAP',
    name: 'mmdebstrap',
    package: 'mmdebstrap debian-archive-keyring',
    paths: ['/usr/bin/mmdebstrap'],
  },
];

function findProgram(program, progress) {
  const known = () =>
    [process.env[program.variable], ...program.paths].find(
      (path) => path && existsSync(path) && (program.hasAll?.(path) ?? true),
    );
  if (known() === undefined && spawnSync('apt-get', ['--version']).status === 0) {
    const step = progress.step(`installing ${program.name} for the tests`);
    const prefix = process.getuid?.() === 0 ? [] : ['sudo', '-n'];
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    for (const words of [
      ['update', '-qq'],
      ['install', '-y', '-qq', '--no-install-recommends', ...program.package.split(' ')],
    ]) {
      const [command, ...args] = [...prefix, 'apt-get', ...words];
      spawnSync(command, args, { env, stdio: 'ignore' });
    }
    (known() === undefined ? step.failed : step.done).call(step);
  }
  const path = known();
  if (path === undefined) {
    throw new PrepareError(
      `The tests need ${program.name}. Install ${program.package}, or set ${program.variable} to the path of its program.`,
    );
  }
  return path;
}

/** @returns the variables that say where each program is. @throws PrepareError for one that can't be had. */
export function bringPrograms(progress) {
  return Object.fromEntries(programs.map((program) => [program.variable, findProgram(program, progress)]));
}
