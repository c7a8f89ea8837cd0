import { type ChildProcess, spawn } from 'node:child_process';
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { get } from 'node:https';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { tie, tied } from '../../scripts/die-with-parent.mjs';
import { findFreePorts } from '../../src/launcher/port-finder.js';
import { buildGo } from './go.program.js';
import { waitUntil } from './stack.js';

/** Of the module in kubernetes-programs; programs that are built from a module don't know it. */
const version = { gitVersion: 'v1.34.4', gitMajor: '1', gitMinor: '34' };

/** Longest that the first build may take, in milliseconds. Later the programs are in the cache. */
export const clusterLimit = 3_600_000;

/**
 * A Kubernetes of one test's own on loopback: etcd, the API server with its admission, and the controllers, which make pods of Deployments
 * and Jobs. There are no nodes, so no pod ever runs.
 */
export interface KubernetesCluster {
  /** The environment of a shell in which `kubectl` is this cluster's administrator. */
  readonly env: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

/** Starts one. @param etcd path of etcd's program. */
export async function startCluster(etcd: string): Promise<KubernetesCluster> {
  const linking = Object.entries(version).map(
    ([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`,
  );
  const programs = await buildGo('kubernetes-programs', { packages: 'tool', linking: linking.join(' ') });
  const folder = await mkdtemp(join(tmpdir(), 'vestibule-cluster-'));
  const children: ChildProcess[] = [];
  const start = (program: string, options: Readonly<Record<string, string>>): void => {
    const args = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
    const wrapped = tied(program, args);
    const child = spawn(wrapped.command, wrapped.args, {
      cwd: folder,
      env: { HOME: folder, PATH: process.env['PATH'] ?? '' },
      stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
      detached: true,
    });
    tie(child);
    children.push(child);
  };
  const stop = async (): Promise<void> => {
    // Nothing of it is kept.
    for (const child of children
      .toReversed()
      .filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null)) {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    }
    await rm(folder, { recursive: true, force: true });
  };
  const file = (name: string): string => join(folder, name);
  const [client = 0, peer = 0, port = 0] = await findFreePorts(3);
  const env = {
    PATH: [programs, process.env['PATH'] ?? ''].join(delimiter),
    HOME: folder,
    KUBECONFIG: file('kubeconfig'),
    NO_PROXY: '127.0.0.1',
  };
  try {
    const token = randomUUID();
    await Promise.all([
      mkdir(file('tls')),
      writeFile(file('tokens.csv'), `${token},administrator,administrator,system:masters\n`),
      writeFile(
        file('kubeconfig'),
        kubeconfig(`https://127.0.0.1:${port}`, file('tls/apiserver.crt'), token),
      ),
      writeFile(
        file('accounts.key'),
        generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({
          type: 'pkcs1',
          format: 'pem',
        }),
      ),
    ]);
    start(etcd, {
      'data-dir': file('etcd'),
      'listen-client-urls': `http://127.0.0.1:${client}`,
      'advertise-client-urls': `http://127.0.0.1:${client}`,
      'listen-peer-urls': `http://127.0.0.1:${peer}`,
    });
    start(join(programs, 'kube-apiserver'), {
      'etcd-servers': `http://127.0.0.1:${client}`,
      'bind-address': '127.0.0.1',
      'advertise-address': '127.0.0.1',
      // There are no nodes that would ask at an address of the cluster.
      'endpoint-reconciler-type': 'none',
      'service-cluster-ip-range': '10.96.0.0/24',
      'secure-port': String(port),
      'cert-dir': file('tls'),
      'token-auth-file': file('tokens.csv'),
      'authorization-mode': 'RBAC',
      'service-account-issuer': 'https://kubernetes.default.svc',
      'service-account-key-file': file('accounts.key'),
      'service-account-signing-key-file': file('accounts.key'),
    });
    await waitUntil(async () => {
      const ended = children.find(({ exitCode }) => exitCode !== null);
      if (ended !== undefined) {
        throw new Error(`${ended.spawnargs.join(' ')} ended with ${ended.exitCode}`);
      }
      return isReady(port, file('tls/apiserver.crt'));
    }, 'the API server to be ready');
    start(join(programs, 'kube-controller-manager'), {
      kubeconfig: file('kubeconfig'),
      'leader-elect': 'false',
      'secure-port': '0',
      'service-account-private-key-file': file('accounts.key'),
      'horizontal-pod-autoscaler-sync-period': '1s',
    });
  } catch (error) {
    await stop();
    throw error;
  }
  return { env, stop };
}

/** Whether the API server says so; not by `kubectl`, whose start is dearer than the question. @param authority file of its certificate. */
async function isReady(port: number, authority: string): Promise<boolean> {
  const ca = await readFile(authority, 'utf8').catch(() => undefined);
  return new Promise((resolve) => {
    get({ host: '127.0.0.1', port, path: '/readyz', ca, agent: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    }).on('error', () => resolve(false));
  });
}

/** @param authority file of the certificate that the API server makes for itself. */
function kubeconfig(server: string, authority: string, token: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster: { server, 'certificate-authority': authority } }],
    users: [{ name: 'administrator', user: { token } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'administrator' } }],
    'current-context': 'test',
  });
}
