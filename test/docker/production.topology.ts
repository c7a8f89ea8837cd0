import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { promisify } from 'node:util';
import { findBinaries } from '../../src/launcher/binary.store.js';
import { findFreePorts } from '../../src/launcher/port-finder.js';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway.process.js';
import { waitUntil } from '../support/stack.js';
import { TestDatabases } from '../support/test.database.js';
import { UserAgent } from '../support/user-agent.js';
import { type ComposeService, composeProject, imageEnvironment, parseDockerfile } from './compose.project.js';
import { copyDockerFolder, DockerChecks } from './docker.checks.js';
import { answers, health, launch } from './program.launch.js';
import { type SocketBridge, startSocketBridge } from './socket.bridge.js';

/** What docker/compose.yml describes, as processes on this machine. */
export interface ProductionTopology {
  /** The origin that browsers see: the proxy's, https. */
  readonly origin: string;
  readonly gateways: readonly GatewayProcess[];
  /** Admin URLs of Kratos and Hydra. */
  readonly admin: Readonly<Record<string, string>>;
  /** What gateways were given by the compose file and the image. */
  readonly gatewayEnvironment: Readonly<Record<string, string>>;
  /** First lines of what gateways answered to Hydra, under the name that they share. */
  readonly answersToHydra: readonly string[];
  /** Lines of the proxy's log. */
  proxyLog(): Promise<string[]>;
  /** What Redis, Kratos, Hydra and the proxy wrote to standard error. */
  errorLog(): Promise<string>;
  /** A browser in front of the proxy, which trusts the local authority and no other. */
  browser(): UserAgent;
  /** The same browser at one gateway, without the proxy. */
  at(gateway: GatewayProcess | undefined, browser: UserAgent): Promise<UserAgent>;
  stop(): Promise<void>;
}

/** Programs that stand for the images. */
export interface TopologyPrograms {
  readonly postgresUrl: string;
  readonly redis: string;
  readonly nginx: string;
}

const run = promisify(execFile);
const silent = { line: () => undefined, step: () => ({ done: () => undefined, failed: () => undefined }) };
/** What containers listen on, by the name that others call them. */
const listeners = [
  'kratos:4433',
  'kratos:4434',
  'hydra:4444',
  'hydra:4445',
  'redis:6379',
  'gateway:3000',
  'proxy:8443',
] as const;

/**
 * Starts it from a copy of docker/ in a temporary folder. Only what a container would have of its own is mapped: names and
 * ports to loopback, /run/secrets and /tmp to folders, the databases to those of a test. Everything else is used as it stands.
 */
export async function startProductionTopology(programs: TopologyPrograms): Promise<ProductionTopology> {
  const folder = await mkdtemp(join(tmpdir(), 'vestibule-production-'));
  const undo: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true })];
  const stop = async (): Promise<void> => {
    for (const step of undo.splice(0).toReversed()) {
      await step();
    }
  };
  try {
    return { ...(await start(folder, programs, undo)), stop };
  } catch (error) {
    const said = await readFile(errorsOf(folder), 'utf8').catch(() => '');
    await stop();
    throw new Error(`The topology did not start. Its programs said last:\n${said.slice(-4000)}`, {
      cause: error,
    });
  }
}

/** Where the programs' standard errors go. */
const errorsOf = (folder: string): string => join(folder, 'errors.log');

async function start(
  folder: string,
  programs: TopologyPrograms,
  undo: (() => Promise<unknown>)[],
): Promise<Omit<ProductionTopology, 'stop'>> {
  // The proxy's workers run under another user than a root that starts them.
  await chmod(folder, 0o755);
  await copyDockerFolder(folder);
  const ports = await findFreePorts(listeners.length);
  const addresses = new Map<string, string>(
    listeners.map((name, index) => [name, `127.0.0.1:${ports[index] ?? 0}`]),
  );
  const portOf = (name: string): string => (addresses.get(name) ?? '').slice('127.0.0.1:'.length);
  const origin = `https://localhost:${portOf('proxy:8443')}`;
  await run(join(folder, 'make-secrets.sh'), {
    env: { PATH: process.env['PATH'] ?? '', PUBLIC_URL: origin },
  });

  const checks = await DockerChecks.build();
  const { services, secrets } = composeProject.parse(await checks.compose(join(folder, 'compose.yml')));
  const service = (name: string): ComposeService => {
    const found = services[name];
    if (found === undefined) {
      throw new Error(`compose.yml has no service ${name}`);
    }
    return found;
  };
  const databases = new TestDatabases(programs.postgresUrl);
  undo.push(() => databases.drop());
  const databaseUrls: Record<string, string> = {
    vestibule: await databases.create(),
    kratos: await databases.create(),
    hydra: await databases.create(),
  };
  const proxyAddress = service('proxy').networks['front']?.ipv4_address ?? '';
  const mapped = (text: string): string =>
    text
      .replaceAll(
        /postgres:\/\/\w+:\w+@postgres:5432\/(\w+)/g,
        (_url, name: string) => databaseUrls[name] ?? '',
      )
      .replaceAll(/(?<![\w.-])[a-z][a-z\d-]*:\d+/g, (name) => addresses.get(name) ?? name)
      .replaceAll(proxyAddress, '127.0.0.1');

  /** Mounts a service's secrets. @returns a mapper of what the service is told. */
  const mount = async (name: string): Promise<(text: string) => string> => {
    const own = join(folder, 'run', name);
    await mkdir(join(own, 'secrets'), { recursive: true });
    await mkdir(join(own, 'tmp'), { recursive: true });
    for (const { source, target } of service(name).secrets) {
      const content = await readFile(secrets[source]?.file ?? '', 'utf8');
      await writeFile(join(own, 'secrets', basename(target)), mapped(content));
    }
    const folders: Record<string, string> = { '/run/secrets/': `${own}/secrets/`, '/tmp/': `${own}/tmp/` };
    return (text) =>
      mapped(text.replaceAll(/(?<![\w/.-])\/(?:run\/secrets|tmp)\//g, (path) => folders[path] ?? path));
  };
  const environmentOf = (name: string, map: (text: string) => string): Record<string, string> =>
    Object.fromEntries(
      Object.entries(service(name).environment).flatMap(([key, value]) =>
        value === null ? [] : [[key, map(value)]],
      ),
    );

  const errors = await open(errorsOf(folder), 'a');
  undo.push(() => errors.close());

  const redisMap = await mount('redis');
  const [, ...redisArgs] = (service('redis').command ?? []).map(redisMap);
  const redisFolder = join(folder, 'run', 'redis', 'tmp');
  const redisOwn = ['--port', portOf('redis:6379'), '--bind', '127.0.0.1', '--dir', redisFolder];
  undo.push(launch(programs.redis, [...redisArgs, ...redisOwn], { stderr: errors.fd }));

  const binaries = await findBinaries(['kratos', 'hydra'], process.env, silent);
  await Promise.all(
    (['kratos', 'hydra'] as const).map(async (name) => {
      const program = binaries.get(name) ?? '';
      const map = await mount(name);
      const { working_dir, volumes, healthcheck } = service(name);
      const cwd = volumes.find(({ target }) => target === working_dir)?.source ?? '';
      const env = environmentOf(name, map);
      for (const side of ['PUBLIC', 'ADMIN']) {
        env[`SERVE_${side}_HOST`] = '127.0.0.1';
        env[`SERVE_${side}_PORT`] = portOf(`${name}:${env[`SERVE_${side}_PORT`]}`);
      }
      const options = { cwd, env: { PATH: process.env['PATH'] ?? '', HOME: folder, ...env } };
      const migration = await mount(`${name}-migrate`);
      await run(program, (service(`${name}-migrate`).command ?? []).map(migration), options);
      undo.push(launch(program, (service(name).command ?? []).map(map), { ...options, stderr: errors.fd }));
      const probe = new URL(healthcheck?.test.at(-1) ?? '');
      probe.port = portOf(`${name}:${probe.port}`);
      await waitUntil(() => answers(probe.href), `${name} to be healthy`, 60_000);
    }),
  );

  const image = imageEnvironment(parseDockerfile(await checks.dockerfile(join(folder, 'Dockerfile'))));
  const gateways: GatewayProcess[] = [];
  // Docker's name service gives the addresses of an alias in turn.
  let turn = 0;
  const alias: SocketBridge = await startSocketBridge(Number(portOf('gateway:3000')), () => {
    const next = gateways[turn++ % gateways.length];
    return connectTcp(Number(new URL(next?.url ?? '').port), '127.0.0.1');
  });
  undo.push(() => alias.stop());
  const names = ['gateway-1', 'gateway-2'];
  const environments = await Promise.all(
    names.map(async (name) => ({
      ...image,
      ...environmentOf(name, await mount(name)),
      HOST: '127.0.0.1',
      DATA_DIR: join(folder, 'run', name, 'tmp'),
    })),
  );
  gateways.push(...(await Promise.all(environments.map((env) => startGatewayProcess(env)))));
  undo.push(() => Promise.all(gateways.map((gateway) => gateway.stop())));
  names.forEach((name, index) =>
    addresses.set(`${name}:3000`, `127.0.0.1:${new URL(gateways[index]?.url ?? '').port}`),
  );

  const proxyMap = await mount('proxy');
  const conf =
    service('proxy').volumes.find(({ target }) => target === '/etc/nginx/nginx.conf')?.source ?? '';
  const text = proxyMap(await readFile(conf, 'utf8')).replace(
    'listen 8443',
    `listen ${addresses.get('proxy:8443')}`,
  );
  await writeFile(conf, text);
  const logPath = join(folder, 'proxy.log');
  const log = await open(logPath, 'a');
  const [, ...proxyArgs] = service('proxy').command ?? [];
  const nginxArgs = ['-p', folder, '-c', conf, '-e', 'stderr', ...proxyArgs];
  undo.push(launch(programs.nginx, nginxArgs, { stdout: log.fd, stderr: errors.fd }));
  await log.close();

  const ca = await readFile(join(folder, 'secrets', 'ca.crt'));
  const tls = await startSocketBridge(0, () =>
    connectTls({ host: '127.0.0.1', port: Number(portOf('proxy:8443')), servername: 'localhost', ca }),
  );
  undo.push(() => tls.stop());
  const front = `http://127.0.0.1:${tls.port}`;
  await waitUntil(async () => (await health(front)) === 'ok', 'the proxy to answer');
  return {
    origin,
    gateways,
    admin: {
      KRATOS_ADMIN_URL: `http://${addresses.get('kratos:4434')}`,
      HYDRA_ADMIN_URL: `http://${addresses.get('hydra:4445')}`,
    },
    gatewayEnvironment: environments[0] ?? {},
    answersToHydra: alias.answers,
    proxyLog: async () => (await readFile(logPath, 'utf8')).trim().split('\n'),
    errorLog: () => readFile(errorsOf(folder), 'utf8'),
    browser: () => new UserAgent(origin, front),
    at: async (gateway, browser) => browser.copyAt(gateway?.url),
  };
}
