// The programs that tests run beside Node and Ory.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** What needs it, and where it is: a path in this variable, one that's installed and has all it needs, or Debian's package where apt may. */
export const programs = [
  {
    variable: 'CHROMIUM',
    needs: ['chromiumPath'],
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
    needs: ['redisServerPath'],
    name: 'Redis',
    package: 'redis-server',
    paths: ['/usr/bin/redis-server', '/usr/bin/valkey-server', '/usr/local/bin/redis-server'],
  },
  {
    variable: 'PGBOUNCER',
    needs: ['pgbouncerPath'],
    name: 'PgBouncer',
    package: 'pgbouncer',
    paths: ['/usr/sbin/pgbouncer', '/usr/bin/pgbouncer'],
  },
  {
    variable: 'PATRONI',
    needs: ['patroniPath'],
    name: 'Patroni',
    package: 'patroni',
    paths: ['/usr/bin/patroni', '/usr/local/bin/patroni'],
  },
  {
    variable: 'ETCD',
    needs: ['etcdPath'],
    name: 'etcd',
    package: 'etcd-server',
    paths: ['/usr/bin/etcd', '/usr/local/bin/etcd'],
  },
  {
    variable: 'HAPROXY',
    needs: ['haproxyPath'],
    name: 'HAProxy',
    package: 'haproxy',
    paths: ['/usr/sbin/haproxy', '/usr/local/sbin/haproxy'],
  },
  {
    variable: 'PROMTOOL',
    needs: ['promtoolPath'],
    name: "Prometheus' promtool",
    package: 'prometheus',
    paths: ['/usr/bin/promtool', '/usr/local/bin/promtool'],
  },
  {
    variable: 'NGINX',
    needs: ['nginxPath', 'forward.proxy'],
    name: 'nginx',
    package: 'nginx',
    paths: ['/usr/sbin/nginx', '/usr/bin/nginx', '/usr/local/sbin/nginx'],
  },
  {
    variable: 'CADDY',
    needs: ['caddyPath', 'forward.proxy'],
    name: 'Caddy',
    package: 'caddy',
    paths: ['/usr/bin/caddy', '/usr/local/bin/caddy'],
  },
  {
    variable: 'SLAPD',
    needs: ['slapdPath'],
    name: 'OpenLDAP',
    package: 'slapd',
    paths: ['/usr/sbin/slapd', '/usr/local/libexec/slapd'],
  },
  {
    variable: 'PLACKUP',
    needs: ['plackupPath'],
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
    needs: ['phpPath'],
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
    needs: ['pythonPath'],
    name: 'Python with pip, PyJWT, Flask and FastAPI',
    package: 'python3-pip python3-jwt python3-cryptography python3-flask python3-fastapi python3-uvicorn',
    paths: ['/usr/bin/python3', '/usr/local/bin/python3'],
    hasAll: (path) =>
      spawnSync(path, ['-c', 'import pip, jwt, cryptography, flask, fastapi, uvicorn']).status === 0,
  },
  {
    variable: 'PG_DUMP',
    needs: ['postgres.tools'],
    name: "PostgreSQL's programs",
    package: 'postgresql',
    paths: [18, 17, 16, 15, 14].map((version) => `/usr/lib/postgresql/${version}/bin/pg_dump`),
  },
  {
    variable: 'DOCKERD',
    needs: ['containerEngineUrl'],
    name: 'Docker',
    package: 'docker.io runc iptables',
    paths: ['/usr/sbin/dockerd', '/usr/bin/dockerd'],
  },
  {
    variable: 'PODMAN',
    needs: ['containerEngineUrl'],
    name: 'Podman',
    package: 'podman netavark aardvark-dns catatonit',
    paths: ['/usr/bin/podman'],
  },
  {
    variable: 'MMDEBSTRAP',
    needs: ['containerEngineUrl'],
    name: 'mmdebstrap',
    package: 'mmdebstrap debian-archive-keyring',
    paths: ['/usr/bin/mmdebstrap'],
  },
];

/**
 * @param {(typeof programs)[number]} program
 * @returns where a program is; undefined if it isn't here, or lacks what it needs.
 */
export function findProgram({ variable, paths, hasAll }) {
  return [process.env[variable], ...paths].find(
    (path) => path && existsSync(path) && (hasAll?.(path) ?? true),
  );
}

/**
 * How to get programs that aren't here, in words.
 * @param {typeof programs} missing
 */
export function missingPrograms(missing) {
  const lines = missing.map(
    ({ name, variable, package: names }) =>
      `  ${name}: install ${names}, or set ${variable} to the path of its program`,
  );
  return `These programs are missing:\n${lines.join('\n')}`;
}

/** Brings those of the programs that files need, from Debian where apt may. What stays missing is named by the files that need it. */
export function bringPrograms(progress, needs) {
  const wanted = programs.filter(
    (program) => needs === undefined || program.needs.some((need) => needs.has(need)),
  );
  for (const program of wanted) {
    if (findProgram(program) === undefined && spawnSync('apt-get', ['--version']).status === 0) {
      install(program, progress);
    }
  }
}

function install(program, progress) {
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
  (findProgram(program) === undefined ? step.failed : step.done).call(step);
}
