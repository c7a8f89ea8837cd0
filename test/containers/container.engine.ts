import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findBinaries } from '../../src/launcher/binary.store.js';
import { waitUntil } from '../support/stack.js';
import type { ContainerParts } from './container.parts.js';

/** What a program in the engine's network did. */
export interface Outcome {
  readonly code: number | null;
  readonly output: string;
}

/** Names of the images that docker/ takes from others, with the stand-in of each, and of what the tests add to the trial's image. */
const images = {
  'node:24-bookworm-slim': 'node',
  'postgres:17-alpine': 'postgres',
  'valkey/valkey:8.1-alpine': 'valkey',
  'nginx:1.28-alpine': 'nginx',
  'oryd/kratos:v1.3.1': 'kratos',
  'oryd/hydra:v2.3.0': 'hydra',
  'axllent/mailpit:v1.33.1': 'mailpit',
  'vestibule-test/programs': 'programs',
} as const;
const silent = { line: () => undefined, step: () => ({ done: () => undefined, failed: () => undefined }) };
const docker = '/usr/bin/docker';
/** Milliseconds that Docker may take to end. */
const endLimit = 60_000;
/** Control groups of the processor, where the kernel has them as files of their own (cgroup v1). */
const processorGroups = '/sys/fs/cgroup/cpu';

/** The engines that run containers here. */
export const engineKinds = ['docker', 'podman'] as const;
export type EngineKind = (typeof engineKinds)[number];
/** The group in which each puts all its containers. */
const groupOf: Readonly<Record<EngineKind, string>> = { docker: 'docker', podman: 'libpod_parent' };

/** An engine as a shell runs it, until the end of the standard input, which is the tests' end too. */
const script = (daemon: string): string =>
  [
    'ip link set lo up',
    'exec 3<&0',
    `${daemon} & daemon=$!`,
    '{ cat <&3 >/dev/null; kill -TERM $daemon; } &',
    'wait $daemon',
  ].join('\n');

/**
 * Podman's API, and what does in place of systemd's timers: asks about the health of containers, as often as docker/compose.yml has most of
 * them asked, and cleans up after one whose end was missed. To Compose, that one would be `stopped` for good, and it waits for `exited`.
 */
const podmanDaemon = [
  'mount -t tmpfs tmpfs /run',
  'tend() {',
  '  podman ps --quiet | xargs -r -n 1 podman healthcheck run',
  '  podman ps --all --quiet --filter status=exited | xargs -r podman container cleanup',
  '}',
  '{ while :; do tend >/dev/null 2>&1; sleep 5; done; } &',
  'nice -n 1 podman system service --time=0 "unix://$FOLDER/docker.sock"',
].join('\n');

const podmanFiles = (folder: string): Readonly<Record<string, string>> => ({
  'containers.conf': [
    '[engine]',
    'runtime = "runc"',
    'cgroup_manager = "cgroupfs"',
    'events_logger = "file"',
    '[network]',
    'network_backend = "netavark"',
    `network_config_dir = "${join(folder, 'networks')}"`,
  ].join('\n'),
  'storage.conf': [
    '[storage]',
    'driver = "overlay"',
    `graphroot = "${join(folder, 'data')}"`,
    `runroot = "${join(folder, 'exec')}"`,
  ].join('\n'),
});

/** What tells an engine from another process. */
export interface EngineAddress {
  readonly kind: EngineKind;
  readonly folder: string;
  /** A process in its namespaces. */
  readonly pid: number;
}

/**
 * An engine in a network namespace of its own, from which no route leads anywhere, and with its data in a folder of its own. What is
 * published by a container is at the namespace's loopback.
 */
export class ContainerEngine {
  readonly kind: EngineKind;
  readonly folder: string;
  readonly pid: number;

  constructor({ kind, folder, pid }: EngineAddress) {
    this.kind = kind;
    this.folder = folder;
    this.pid = pid;
  }

  /** Variables that a shell needs in order to use `docker` and `docker compose` as documents do. */
  get env(): Record<string, string> {
    return {
      PATH: `${join(this.folder, 'bin')}:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
      HOME: join(this.folder, 'home'),
      DOCKER_HOST: `unix://${join(this.folder, 'docker.sock')}`,
      DOCKER_CONFIG: join(this.folder, 'config'),
      COMPOSE_PROGRESS: 'plain',
      ...(this.kind === 'docker'
        ? { DOCKER_BUILDKIT: '1' }
        : { DOCKER_BUILDKIT: '0', ...podmanVariables(this.folder) }),
    };
  }

  /** Starts a program in the engine's network. */
  spawn(command: readonly string[], cwd = '/', env: Readonly<Record<string, string>> = {}): ChildProcess {
    const options = { env: { ...this.env, ...env } };
    return spawn('nsenter', [...this.#target(cwd), ...command], {
      ...options,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
  }

  /** Runs a program in the engine's network until it ends. */
  run(command: readonly string[], cwd = '/', env: Readonly<Record<string, string>> = {}): Promise<Outcome> {
    const options = { env: { ...this.env, ...env }, maxBuffer: 2 ** 26 };
    return new Promise((resolve) => {
      const args = [...this.#target(cwd), ...command];
      const child = execFile('nsenter', args, options, (_, out, err) =>
        resolve({ code: child.exitCode, output: out + err }),
      );
    });
  }

  /** `run`, for what must not fail. @returns what it printed. @throws with that. */
  async runOrThrow(
    command: readonly string[],
    cwd = '/',
    env: Readonly<Record<string, string>> = {},
  ): Promise<string> {
    const { code, output } = await this.run(command, cwd, env);
    if (code !== 0) {
      throw new Error(`${command.join(' ')} ended with ${code}:\n${output.slice(-8000)}`);
    }
    return output;
  }

  /** Path of a program that runs another one in the engine's network. */
  async wrapper(program: string): Promise<string> {
    const path = join(this.folder, 'bin', 'inside');
    await writeFile(path, `#!/bin/sh\nexec nsenter ${this.#target('/').join(' ')} '${program}' "$@"\n`);
    await chmod(path, 0o755);
    return path;
  }

  #target(cwd: string): string[] {
    // Docker's client is what containers need here, whose processes Podman makes itself.
    const namespaces = this.kind === 'docker' ? ['-n'] : ['-n', '-m', '-p'];
    return [...namespaces, '-t', String(this.pid), `--wdns=${cwd}`, '--'];
  }
}

function podmanVariables(folder: string): Readonly<Record<string, string>> {
  return {
    CONTAINERS_CONF: join(folder, 'containers.conf'),
    CONTAINERS_STORAGE_CONF: join(folder, 'storage.conf'),
    DISABLE_HC_SYSTEMD: 'true',
  };
}

/** Starts an engine in an empty folder, with the stand-ins of all images. @returns it, and what stops it and leaves nothing. */
export async function startEngine(
  kind: EngineKind,
  folder: string,
  parts: ContainerParts,
): Promise<{ readonly engine: ContainerEngine; stop(): Promise<void> }> {
  const plugins = join(folder, 'config', 'cli-plugins');
  await mkdir(plugins, { recursive: true });
  await mkdir(join(folder, 'bin'));
  await mkdir(join(folder, 'home'));
  await symlink(parts.compose, join(plugins, 'docker-compose'));
  await symlink(docker, join(folder, 'bin', 'docker'));
  const paths = [
    `--data-root=${join(folder, 'data')}`,
    `--exec-root=${join(folder, 'exec')}`,
    `--pidfile=${join(folder, 'pid')}`,
    `--host=unix://${join(folder, 'docker.sock')}`,
  ];
  // Processes and mounts are the namespaces' own too: none is left when the shell, the first process in them, has ended.
  const command = kind === 'docker' ? 'nice -n 1 dockerd "$@"' : podmanDaemon;
  const args = ['-nmp', '--fork', '--mount-proc', 'sh', '-c', script(command), 'sh', ...paths];
  if (kind === 'podman') {
    for (const [name, text] of Object.entries(podmanFiles(folder))) {
      await writeFile(join(folder, name), `${text}\n`);
    }
  }
  await giveProcessorTime(kind);
  const daemon = spawn('unshare', args, {
    env: { ...process.env, FOLDER: folder, ...(kind === 'podman' ? podmanVariables(folder) : {}) },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let log = '';
  for (const stream of [daemon.stdout, daemon.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (log = (log + text).slice(-8000)));
  }
  const ended = once(daemon, 'close');
  // Reported below, by what could not be reached.
  ended.catch((error: unknown) => (log += String(error)));
  const engine = new ContainerEngine({ kind, folder, pid: await childOf(daemon.pid ?? 0) });
  const stop = async (): Promise<void> => {
    if (daemon.exitCode === null && daemon.signalCode === null) {
      const { output } = await engine.run(['docker', 'ps', '--quiet']);
      const running = output.trim().split(/\s+/).filter(Boolean);
      await (running.length > 0 ? engine.run(['docker', 'kill', ...running]) : undefined);
      daemon.stdin.end();
      const force = setTimeout(() => daemon.kill('SIGKILL'), endLimit);
      await ended.finally(() => clearTimeout(force));
    }
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await waitUntil(async () => {
      if (daemon.exitCode !== null || daemon.signalCode !== null || daemon.pid === undefined) {
        throw new Error(`${kind} ended`);
      }
      return (await engine.run(['docker', 'version'])).code === 0;
    }, `${kind} to be ready`);
    await makeImages(engine, parts);
    return { engine, stop };
  } catch (error) {
    await stop();
    throw new Error(`${kind} did not start (it needs root, runc, and its package from Debian):\n${log}`, {
      cause: error,
    });
  }
}

/**
 * Lets all containers of an engine have the processor as often as four programs outside. By default the group of all of them counts as
 * one: beside tests that are busy, none of them gets far.
 */
async function giveProcessorTime(kind: EngineKind): Promise<void> {
  if (existsSync(join(processorGroups, 'cpu.shares'))) {
    const group = join(processorGroups, groupOf[kind]);
    await mkdir(group, { recursive: true });
    await writeFile(join(group, 'cpu.shares'), '4096');
  }
}

/** The only child of a process, once there is one: unshare's is the first process in the new namespaces. */
async function childOf(pid: number): Promise<number> {
  let child = '';
  await waitUntil(async () => {
    child = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '')).trim();
    return child !== '';
  }, 'the namespaces');
  return Number(child);
}

/** Makes each image from what its own stage copies: Podman is sent the whole folder for each, and builds the stages before it too. */
async function makeImages(engine: ContainerEngine, parts: ContainerParts): Promise<void> {
  await engine.runOrThrow(['docker', 'import', parts.root, 'vestibule-test/debian']);
  const own = fileURLToPath(new URL('images/', import.meta.url));
  const programs = await findBinaries(['kratos', 'hydra', 'mailpit'], process.env, silent);
  const sources = new Map([
    ['node', parts.node],
    ['npm', parts.npm],
    ['start-postgres.sh', join(own, 'start-postgres.sh')],
    ...[...programs].map(([name, path]) => [`programs/${name}`, path] as const),
  ]);
  const stages = (await readFile(join(own, 'Dockerfile'), 'utf8')).split(/^(?=FROM )/m);
  for (const [image, target] of Object.entries(images)) {
    const context = join(engine.folder, 'images', target);
    const stage = stages.find((text) => text.split('\n')[0]?.endsWith(` AS ${target}`)) ?? '';
    await mkdir(context, { recursive: true });
    await writeFile(join(context, 'Dockerfile'), stage);
    for (const [, copied = ''] of stage.matchAll(/^COPY (\S+)/gm)) {
      for (const [path, source] of sources) {
        if (path === copied || path.startsWith(`${copied}/`)) {
          await cp(source, join(context, path), { recursive: true, verbatimSymlinks: true });
        }
      }
    }
    await engine.runOrThrow(['chmod', '-R', 'a+rX', context]);
    await engine.runOrThrow(['docker', 'build', '--quiet', '--network=none', `--tag=${image}`, context]);
    await rm(context, { recursive: true });
  }
}
