import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A network of one test's own, in which there is nothing but this machine: no route leads anywhere. */
export interface Namespace {
  /** Runs a program inside, in this folder and with this environment alone. */
  spawn(command: readonly string[], cwd: string, env: Readonly<Record<string, string>>): ChildProcess;
  /** Runs a program inside until it ends. */
  run(
    command: readonly string[],
    cwd?: string,
    env?: Readonly<Record<string, string>>,
  ): Promise<{ readonly code: number | null; readonly output: string }>;
  /** Path of a program that runs another one inside. */
  wrapper(program: string): Promise<string>;
  /** How often anything inside has tried to reach an address or a name server outside so far, by IPv4 and by IPv6. */
  attempts(): Promise<number>;
  remove(): Promise<void>;
}

/**
 * Names are looked up in /etc/hosts and then at a server by its address, so that each look-up is an attempt to leave: a
 * server on this machine, or a resolver that is asked by a socket file, would hide them.
 */
const resolverFiles = {
  'resolv.conf': 'nameserver 192.0.2.53\noptions timeout:1 attempts:1\n',
  'nsswitch.conf': 'hosts: files dns\npasswd: files\ngroup: files\n',
};

const setUp = [
  'set -e',
  'mount --bind "$1/resolv.conf" "$(readlink -f /etc/resolv.conf)"',
  'if [ -e /etc/nsswitch.conf ]; then mount --bind "$1/nsswitch.conf" /etc/nsswitch.conf; fi',
  'ip link set lo up',
  // Chromium asks the kernel whether there is a way to the IPv6 network, by this address and without sending anything to it.
  // Prohibited, it gets its answer (there is none) and isn't counted; every other address is.
  'ip -6 route add prohibit 2001:4860:4860::8888',
  'echo ready',
  // Lives as long as its standard input, which is the test.
  'exec cat',
].join('\n');

/**
 * Makes the network by util-linux' `unshare` and iproute2's `ip`, as root or as anybody who may make user namespaces.
 * @throws {Error} saying what is missing: a test that can't close the gap hasn't shown anything.
 */
export async function openNamespace(): Promise<Namespace> {
  const folder = await mkdtemp(join(tmpdir(), 'vestibule-namespace-'));
  await Promise.all(Object.entries(resolverFiles).map(([name, text]) => writeFile(join(folder, name), text)));
  const holder = spawn('unshare', ['-rnm', '--', 'sh', '-c', setUp, 'sh', folder]);
  let said = '';
  holder.stderr.on('data', (chunk: Buffer) => (said += String(chunk)));
  const ready = await Promise.race([
    once(holder.stdout, 'data').then(() => true),
    once(holder, 'close').then(() => false),
    once(holder, 'error').then(() => false),
  ]).catch(() => false);
  if (!ready || holder.pid === undefined) {
    await rm(folder, { recursive: true, force: true });
    throw new Error(
      `The air gap can't be tested: \`unshare -rnm\` makes no network here (${said.trim() || 'not found'}). It needs the ` +
        'packages util-linux and iproute2, and the right to make user namespaces (sysctl kernel.unprivileged_userns_clone=1, ' +
        'on Ubuntu also kernel.apparmor_restrict_unprivileged_userns=0), or root.',
    );
  }
  const target = ['--preserve-credentials', '-U', '-n', '-m', '-t', String(holder.pid)];
  const inside = (command: readonly string[], cwd: string): string[] => {
    return [...target, '--', 'sh', '-c', 'cd "$0" && exec "$@"', cwd, ...command];
  };
  const namespace: Namespace = {
    spawn: (command, cwd, env) =>
      spawn('nsenter', inside(command, cwd), { env, stdio: ['ignore', 'pipe', 'pipe'] }),
    run: (command, cwd = '/', env = {}) =>
      new Promise((resolve) => {
        const options = { env: { PATH: process.env['PATH'] ?? '', ...env } };
        const child = execFile('nsenter', inside(command, cwd), options, (_, out, err) =>
          resolve({ code: child.exitCode, output: out + err }),
        );
      }),
    wrapper: async (program) => {
      const path = join(folder, 'inside');
      await writeFile(path, `#!/bin/sh\nexec nsenter ${target.join(' ')} -- '${program}' "$@"\n`);
      await chmod(path, 0o755);
      return path;
    },
    attempts: async () => {
      const { output } = await namespace.run(['cat', '/proc/self/net/snmp', '/proc/self/net/snmp6']);
      return withoutRoute(output);
    },
    remove: async () => {
      const gone = once(holder, 'close');
      holder.stdin.end();
      await gone;
      await rm(folder, { recursive: true, force: true });
    },
  };
  return namespace;
}

/** The kernel counts each packet and each connection that finds no route. */
function withoutRoute(counters: string): number {
  const [names = [], values = []] = counters
    .split('\n')
    .filter((line) => line.startsWith('Ip:'))
    .map((line) => line.split(' '));
  const four = Number(values[names.indexOf('OutNoRoutes')]);
  const six = Number(/^Ip6OutNoRoutes\s+(\d+)/m.exec(counters)?.[1]);
  if (Number.isNaN(four + six)) {
    throw new Error('the kernel has no counters of packets without a route');
  }
  return four + six;
}
