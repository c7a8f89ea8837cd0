import { execFile } from 'node:child_process';
import { access, mkdir, mkdtemp, readFile, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { loadConfiguration } from '../../src/platform/config/configuration.js';
import { pinnedBinaries } from '../../src/launcher/binary-pins.js';
import { dockerFolder } from '../../src/launcher/binary.store.js';
import { cleanUps, type OrySetting } from '../../src/launcher/ory-programs.js';
import { makeSecrets as makeOrySecrets } from '../../src/launcher/secret.store.js';
import { type ComposeProject, composeProject } from './compose.project.js';
import { buildLimit, copyDockerFolder, DockerChecks } from './docker.checks.js';
import { ownFeatures } from '../../src/app/features.js';

const run = promisify(execFile);
let checks: DockerChecks;
let folder: string;
let project: ComposeProject;

const makeSecrets = async (env: Record<string, string> = {}): Promise<string> =>
  (await run(join(folder, 'make-secrets.sh'), { env: { PATH: process.env['PATH'] ?? '', ...env } })).stdout;
const composeFile = (): string => join(folder, 'compose.yml');

/** As much of a setting as the commands are made from. */
const settingForNothing = (): OrySetting => ({
  publicUrl: 'https://auth.example.org',
  brandName: undefined,
  binaries: new Map([
    ['kratos', 'kratos'],
    ['hydra', 'hydra'],
  ]),
  secrets: makeOrySecrets(),
  dsn: { kratos: 'memory', hydra: 'memory' },
  folder,
  smtpUrl: 'smtp://localhost',
  socialProviders: [],
  logLevel: 'info',
  passwordMinLength: 10,
  environment: {},
});

beforeAll(async () => {
  checks = await DockerChecks.build();
  folder = await mkdtemp(join(tmpdir(), 'vestibule-compose-'));
  await copyDockerFolder(folder);
}, buildLimit);

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe('before secrets are made', () => {
  it('the file says what to do first', async () => {
    await expect(checks.compose(composeFile())).rejects.toThrow('run docker/make-secrets.sh first');
  });

  it.each([
    'http://auth.example.org',
    'https://auth.example.org/path',
    'auth.example.org',
    'https://auth example.org',
    'https://user@example.org',
    'https://example.org?x',
    'https://example.org:123456',
  ])('a PUBLIC_URL like %s is refused', async (PUBLIC_URL) => {
    await expect(makeSecrets({ PUBLIC_URL })).rejects.toThrow('PUBLIC_URL must be https');
  });
});

describe('secrets that could not be made', () => {
  let failed: string;
  const make = async (env: Record<string, string> = {}) =>
    run(join(failed, 'make-secrets.sh'), { env: { PATH: process.env['PATH'] ?? '', ...env } });
  const made = async () => (await readdir(join(failed, 'secrets')).catch(() => [])).toSorted();

  beforeEach(async () => {
    failed = await mkdtemp(join(tmpdir(), 'vestibule-compose-'));
    await copyDockerFolder(failed);
  });

  afterEach(async () => {
    await rm(failed, { recursive: true, force: true });
  });

  /** A folder of programs in which openssl does this and the others are the machine's. */
  const withOpenssl = async (...lines: string[]): Promise<string> => {
    const programs = join(failed, 'programs');
    await mkdir(programs);
    await writeFile(join(programs, 'openssl'), ['#!/bin/sh', ...lines, ''].join('\n'), { mode: 0o755 });
    return `${programs}:${process.env['PATH']}`;
  };

  it('without openssl, nothing is made', async () => {
    const PATH = await withOpenssl('exit 127');
    await expect(make({ PATH })).rejects.toThrow('openssl is missing: install it');
    expect(await made()).toEqual([]);
  });

  it('a failure of openssl leaves no empty secret, and the next run makes them all', async () => {
    const PATH = await withOpenssl('[ "$1" = version ]');
    await expect(make({ PATH })).rejects.toMatchObject({ code: 1 });
    expect(await made()).toEqual([]);
    expect((await make()).stdout).toContain('complete');
  });

  it('an empty secret of an earlier run is named', async () => {
    await mkdir(join(failed, 'secrets'));
    await writeFile(join(failed, 'secrets', 'redis_password'), '');
    await expect(make()).rejects.toThrow('docker/secrets/redis_password is empty');
  });

  it.each([['tls.crt'], ['tls.key'], ['ca.crt'], ['tls.crt', 'ca.crt']])(
    'a part of a certificate (%s, %s) is refused, and stays',
    async (...names) => {
      await mkdir(join(failed, 'secrets'));
      for (const name of names) {
        await writeFile(join(failed, 'secrets', name), 'of the operator');
      }
      await expect(make()).rejects.toThrow(
        `docker/secrets/${names[0]} has no complete certificate beside it`,
      );
      expect(await made()).toEqual(expect.arrayContaining(names));
    },
  );

  it('a host that no certificate can have is named', async () => {
    await expect(make({ PUBLIC_URL: 'https://1.2.3' })).rejects.toThrow('no certificate for 1.2.3');
  });

  it('a host longer than a common name gets a certificate that is valid for it', async () => {
    const host = `${'a-long-name-of-a-load-balancer'.repeat(2)}.eu-central-1.example.org`;
    expect(host.length).toBeGreaterThan(64);
    await make({ PUBLIC_URL: `https://${host}` });
    const verify = ['verify', '-verify_hostname', host, '-CAfile', 'ca.crt', 'tls.crt'];
    const { stdout } = await run('openssl', verify, { cwd: join(failed, 'secrets') });
    expect(stdout).toBe('tls.crt: OK\n');
  });
});

describe('with secrets', () => {
  beforeAll(async () => {
    await makeSecrets({ PUBLIC_URL: 'https://auth.example.org' });
    project = composeProject.parse(await checks.compose(composeFile()));
  });

  it('secrets are made once, in a folder that only its owner may enter', async () => {
    const secrets = join(folder, 'secrets');
    expect((await stat(secrets)).mode & 0o777).toBe(0o700);
    const read = async (): Promise<string[]> =>
      Promise.all((await readdir(secrets)).toSorted().map((name) => readFile(join(secrets, name), 'utf8')));
    const before = await read();
    await makeSecrets({ PUBLIC_URL: 'https://elsewhere.example.org' });
    expect(await read()).toEqual(before);
    expect(new Set(before).size).toBe(before.length);
  });

  it('made again, they say nothing but that they are complete', async () => {
    const { stdout, stderr } = await run(join(folder, 'make-secrets.sh'));
    expect(stderr).toBe('');
    expect(stdout.split('\n')).toHaveLength(2);
  });

  it('each container can read what is mounted, whatever the umask of the checkout and the modes of a certificate were', async () => {
    const closed = await mkdtemp(join(tmpdir(), 'vestibule-compose-'));
    try {
      await copyDockerFolder(closed);
      await run('chmod', ['-R', 'o-rwx', closed]);
      await run(
        'sh',
        ['-c', 'umask 027 && ./make-secrets.sh && chmod 600 secrets/tls.key && ./make-secrets.sh'],
        {
          cwd: closed,
        },
      );
      const mounts = Object.values(project.services).flatMap(({ volumes }) =>
        volumes.filter(({ type }) => type === 'bind').map(({ source }) => source),
      );
      const mounted = [...mounts, ...Object.values(project.secrets).map(({ file }) => file)].map((path) =>
        path.replace(folder, closed),
      );
      expect(mounted.length).toBeGreaterThan(15);
      const { stdout } = await run('find', [
        ...mounted,
        '!',
        '-perm',
        '-o=r',
        '-o',
        '-type',
        'd',
        '!',
        '-perm',
        '-o=x',
      ]);
      expect(stdout).toBe('');
      await rm(join(closed, 'secrets/tls.key'));
      await symlink(join(closed, '.env'), join(closed, 'secrets/tls.key'));
      await expect(run(join(closed, 'make-secrets.sh'))).rejects.toThrow(
        'secrets/tls.key is a link: copy the file',
      );
    } finally {
      await rm(closed, { recursive: true, force: true });
    }
  });

  it('every secret that is mounted is there, and none is in an environment', async () => {
    const files = Object.values(project.secrets).map(({ file }) => file);
    await Promise.all(files.map((file) => access(file)));
    const random = (await Promise.all(files.map((file) => readFile(file, 'utf8')))).flatMap(
      (text) => text.match(/\b[0-9a-f]{32,}\b/g) ?? [],
    );
    expect(random.length).toBeGreaterThan(10);
    const told = JSON.stringify(
      Object.values(project.services).map((each) => [each.environment, each.command]),
    );
    expect(random.filter((secret) => told.includes(secret))).toEqual([]);
  });

  it('only the proxy is published, and what Ory and the stores listen on has no way out of this machine', () => {
    const published = Object.entries(project.services).filter(([, { ports }]) => ports.length > 0);
    expect(published.map(([name, { ports }]) => [name, ports[0]?.published, ports[0]?.target])).toEqual([
      ['proxy', '443', 8443],
    ]);
    const internal = Object.entries(project.networks).filter(([, network]) => network.internal);
    expect(internal.map(([name]) => name).toSorted()).toEqual(['back', 'data', 'front']);
    for (const name of [
      'postgres',
      'redis',
      'hydra',
      'kratos-migrate',
      'hydra-migrate',
      'kratos-cleanup',
      'hydra-janitor',
    ]) {
      const networks = Object.keys(project.services[name]?.networks ?? {});
      expect(networks.filter((network) => project.networks[network]?.internal !== true)).toEqual([]);
    }
    expect(Object.keys(project.services['proxy']?.networks ?? {}).toSorted()).toEqual(['edge', 'front']);
  });

  it('the image is built once, for both gateways, and no registry is asked for it', async () => {
    const built = z
      .looseObject({ services: z.record(z.string(), z.looseObject({ build: z.unknown() }).partial()) })
      .parse(await checks.compose(composeFile()));
    const { build, ...first } = z.looseObject({}).parse(built.services['gateway-1']);
    expect(build).toMatchObject({ dockerfile: 'docker/Dockerfile' });
    expect(built.services['gateway-2']).toMatchObject({ image: first['image'], pull_policy: 'never' });
    expect(Object.keys(built.services).filter((name) => built.services[name]?.build !== undefined)).toEqual([
      'gateway-1',
    ]);
  });

  it('every service is confined', () => {
    for (const [name, service] of Object.entries(project.services)) {
      expect.soft(service, name).toMatchObject({
        read_only: true,
        cap_drop: ['ALL'],
        security_opt: ['no-new-privileges:true'],
      });
      expect.soft(service.privileged ?? false, name).toBe(false);
      expect.soft(service.image, name).toMatch(/:v?\d[\w.-]*$/);
    }
  });

  it('a signal reaches the server itself where its own start changes the user', () => {
    const { init, cap_add: added } = z
      .looseObject({ init: z.boolean(), cap_add: z.array(z.string()) })
      .parse(project.services['postgres']);
    expect(added).toContain('SETUID');
    expect(init).toBe(false);
    const others = Object.entries(project.services).filter(([name]) => name !== 'postgres');
    expect(others.filter(([, service]) => service.init !== true || 'cap_add' in service)).toEqual([]);
  });

  it('PostgreSQL is healthy with its three databases only', async () => {
    const command = (project.services['postgres']?.healthcheck?.test ?? []).at(-1) ?? '';
    const databases = await readFile(join(folder, 'postgres/databases.sh'), 'utf8');
    const made = /^for name in (.*); do$/m.exec(databases)?.[1]?.split(' ') ?? [];
    expect(made).toHaveLength(3);
    expect(command).toContain(`(${made.map((name) => `'${name}'`).join(', ')})`);
    expect(command).toMatch(/grep -qx 3$/);
  });

  it('everything waits for what it needs, by its health', () => {
    const conditions = (name: string): Record<string, string> =>
      Object.fromEntries(
        Object.entries(project.services[name]?.depends_on ?? {}).map(([on, { condition }]) => [
          on,
          condition,
        ]),
      );
    const healthy = 'service_healthy';
    expect(conditions('kratos-migrate')).toEqual({ postgres: healthy });
    expect(conditions('kratos')).toEqual({ 'kratos-migrate': 'service_completed_successfully' });
    expect(conditions('hydra')).toEqual({ 'hydra-migrate': 'service_completed_successfully' });
    for (const gateway of ['gateway-1', 'gateway-2']) {
      expect(conditions(gateway)).toEqual({
        hydra: healthy,
        kratos: healthy,
        postgres: healthy,
        redis: healthy,
      });
    }
    expect(conditions('proxy')).toEqual({ 'gateway-1': healthy, 'gateway-2': healthy });
    // A service that another waits for has a health check; the gateways' is in their image.
    const waitedFor = ['postgres', 'redis', 'kratos', 'hydra'];
    expect(waitedFor.filter((name) => project.services[name]?.healthcheck === undefined)).toEqual([]);
  });

  it('what has expired is removed from the databases of Kratos and Hydra, as npm start does it', async () => {
    const commands = await cleanUps(settingForNothing());
    for (const [name, service] of [
      ['kratos', 'kratos-cleanup'],
      ['hydra', 'hydra-janitor'],
    ] as const) {
      const { command, restart, depends_on } = project.services[service] ?? {};
      const words = (command ?? []).join(' ').split(/\s+/);
      expect(words.slice(0, 4)).toEqual(['while', 'sleep', '600;', 'do']);
      const settings = ['-c', `/run/secrets/${name}.yml`];
      const own = commands[name].args.flatMap((word) =>
        word === `${name}.yml` ? [word, ...settings] : [word],
      );
      expect(words.slice(4).join(' ')).toBe(`${[name, ...own].join(' ')}; done`);
      expect(restart).toBe('unless-stopped');
      expect(depends_on).toMatchObject({
        [`${name}-migrate`]: { condition: 'service_completed_successfully' },
      });
    }
  });

  it("the gateways' settings are valid, and the same for both", async () => {
    const { environment } = project.services['gateway-1'] ?? {};
    expect(project.services['gateway-2']?.environment).toEqual(environment);
    const here = Object.entries(environment ?? {}).map(([name, value]) => [
      name,
      (value ?? '').replace('/run/secrets/', `${join(folder, 'secrets')}/`),
    ]);
    const configuration = loadConfiguration(Object.fromEntries(here), ownFeatures);
    expect(configuration).toMatchObject({
      PUBLIC_URL: 'https://auth.example.org',
      ADMIN_EMAIL: 'admin@auth.example.org',
    });
    // Both gateways have the name by which Kratos and Hydra ask one of them.
    expect(project.services['kratos']?.environment['OAUTH2_PROVIDER_URL']).toBe(
      configuration.AUTH_PROVIDER === 'ory' &&
        new URL('/auth/ory/session-question', configuration.BACKCHANNEL_LOGOUT_URL).href,
    );
    expect(configuration.TRUST_PROXY).toEqual([project.services['proxy']?.networks['front']?.ipv4_address]);
  });

  it('Kratos, Hydra and the mailbox are of the versions that npm start builds', async () => {
    expect(project.services['kratos']?.image).toBe(`oryd/kratos:v${pinnedBinaries.kratos.version}`);
    expect(project.services['hydra']?.image).toBe(`oryd/hydra:v${pinnedBinaries.hydra.version}`);
    expect(await readFile(composeFile(), 'utf8')).toContain(
      `axllent/mailpit:v${pinnedBinaries.mailpit.version}\n`,
    );
  });

  it('what npm start must be told is in a file of its own here, and no variable stands before it', () => {
    const unset = (name: string): string[] =>
      Object.entries(project.services[name]?.environment ?? {}).flatMap(([key, value]) =>
        value === null ? [key] : [],
      );
    expect(unset('kratos')).toEqual(
      expect.arrayContaining([
        'DSN',
        'SECRETS_DEFAULT',
        'SECRETS_COOKIE',
        'SECRETS_CIPHER',
        'COURIER_SMTP_CONNECTION_URI',
      ]),
    );
    expect(unset('hydra')).toEqual(
      expect.arrayContaining([
        'DSN',
        'SECRETS_SYSTEM',
        'SECRETS_COOKIE',
        'OIDC_SUBJECT_IDENTIFIERS_PAIRWISE_SALT',
      ]),
    );
    const empty = Object.values(project.services).flatMap(({ environment }) =>
      Object.entries(environment).filter(([, value]) => value === ''),
    );
    expect(empty).toEqual([]);
  });
});

it.each([
  ['a field that there is none of', 'read_only: true', 'read_onyl: true', 'read_onyl'],
  ['a value of another type', 'retries: 12', 'retries: often', 'retries'],
  ['a network that there is none of', 'networks: [data]', 'networks: [daata]', 'daata'],
  ['a secret that there is none of', 'secrets: [{ source: redis,', 'secrets: [{ source: radish,', 'radish'],
  ['a dependency that there is none of', 'kratos-migrate: {', 'kratos-migrated: {', 'kratos-migrated'],
])('finds %s', async (_what, right, wrong, named) => {
  await makeSecrets();
  const text = await readFile(join(dockerFolder, 'compose.yml'), 'utf8');
  const planted = join(folder, 'planted.yml');
  await writeFile(planted, text.replace(right, wrong));
  expect(text).toContain(right);
  await expect(checks.compose(planted)).rejects.toThrow(named);
});
