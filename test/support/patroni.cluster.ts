import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, mkdir, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { z } from 'zod';
import { inject } from 'vitest';
import { codeOf } from '../../src/platform/config/error-code.js';
import { findFreePorts } from '../../src/launcher/port-finder.js';
import { launch } from '../docker/program.launch.js';
import { postgresPrograms } from './postgres.tools.js';
import { waitUntil } from './stack.js';

/** A PostgreSQL server under Patroni. */
export interface PatroniNode {
  readonly name: string;
  /** The server's own address, past the proxy. */
  readonly url: string;
  /** Starts Patroni, which starts PostgreSQL as primary or standby. */
  start(): Promise<void>;
  /** Ends both, as a machine does that loses its power. */
  kill(): Promise<void>;
  /** Makes a primary send nothing more to its standby, over connections that stay open, until it is killed. */
  holdBack(): Promise<void>;
  /** `primary` or `standby` by PostgreSQL's own account; undefined while it doesn't answer Patroni. */
  role(): Promise<'primary' | 'standby' | undefined>;
}

/** Two PostgreSQL servers that Patroni fails over, with etcd, behind an HAProxy that leads to the primary. */
export interface PatroniCluster {
  /** Through the proxy. */
  readonly url: string;
  /** The primary, and the standby that has all of its commits. Waits until there are both. */
  pair(): Promise<{ readonly primary: PatroniNode; readonly standby: PatroniNode }>;
  /** `patronictl switchover`: a planned change of primary. */
  switchOver(): Promise<void>;
  stop(): Promise<void>;
}

const run = promisify(execFile);
/** PostgreSQL refuses to run as root: then it runs as `nobody`. */
const nobody = 65_534;
const as = process.getuid?.() === 0 ? { uid: nobody, gid: nobody } : {};

/** What Patroni's API reports about a node. */
const status = z.object({
  state: z.string(),
  role: z.string(),
  replication: z.array(z.object({ sync_state: z.string() })).optional(),
});

/** Starts it. The shortest times that Patroni accepts: a primary counts as gone after 20 s. */
export async function startPatroni(): Promise<PatroniCluster> {
  const folder = await mkdtemp(join(tmpdir(), 'vestibule-patroni-'));
  const undo: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true })];
  const stop = async (): Promise<void> => {
    for (const step of undo.splice(0).toReversed()) {
      await step();
    }
  };
  try {
    await ownedBy(folder);
    const log = await open(join(folder, 'log'), 'a');
    undo.push(() => log.close());
    const [client = 0, peer = 0, entry = 0, ...rest] = await findFreePorts(7);
    undo.push(startEtcd(folder, client, peer, log.fd));
    const nodes = ['one', 'two'].map((name, index) =>
      patroniNode({
        name,
        folder,
        log: log.fd,
        etcd: client,
        port: rest[2 * index] ?? 0,
        api: rest[2 * index + 1] ?? 0,
      }),
    );
    for (const node of nodes) {
      await node.write();
      undo.push(() => node.kill());
      await node.start();
    }
    undo.push(await startProxy(folder, entry, nodes, log.fd));
    const pair = async (): ReturnType<PatroniCluster['pair']> => {
      let found: PatroniNode[] = [];
      await waitUntil(async () => {
        const roles = await Promise.all(nodes.map((node) => node.role()));
        const leader = nodes[roles.indexOf('primary')];
        const follower = nodes[roles.indexOf('standby')];
        found = leader === undefined || follower === undefined ? [] : [leader, follower];
        return found.length === 2 && (await leader?.isFollowed()) === true;
      }, 'a primary with a synchronous standby');
      const [primary, standby] = found;
      if (primary === undefined || standby === undefined) {
        throw new Error('there is no pair');
      }
      return { primary, standby };
    };
    await pair();
    const url = `postgres://postgres:test-only@127.0.0.1:${entry}/postgres`;
    // Until its first checks have failed, the proxy sends every other connection to the standby.
    await waitUntil(
      async () => (await Promise.all([isPrimary(url), isPrimary(url)])).every(Boolean),
      'the proxy to lead to the primary',
    );
    return {
      url,
      pair,
      switchOver: async () => {
        const { primary, standby } = await pair();
        const words = ['switchover', '--master', primary.name, '--candidate', standby.name, '--force'];
        await run(`${inject('patroniPath')}ctl`, ['-c', join(folder, `${primary.name}.yml`), ...words]);
        await waitUntil(async () => (await standby.role()) === 'primary', 'the switch');
      },
      stop,
    };
  } catch (error) {
    const said = await readFile(join(folder, 'log'), 'utf8').catch(() => '');
    await stop();
    throw new Error(`Patroni did not start.\n${said.slice(-3000)}`, { cause: error });
  }
}

async function ownedBy(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  if (as.uid !== undefined) {
    await chown(folder, as.uid, as.gid);
  }
}

/** Whether a PostgreSQL server answers at this URL, and takes writes. */
export async function isPrimary(url: string): Promise<boolean> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 2000, query_timeout: 2000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ follows: boolean }>('select pg_is_in_recovery() as follows');
    return rows[0]?.follows === false;
  } catch {
    return false;
  } finally {
    await client.end();
  }
}

function startEtcd(folder: string, client: number, peer: number, stderr: number): () => Promise<unknown> {
  const [clients, peers] = [`http://127.0.0.1:${client}`, `http://127.0.0.1:${peer}`];
  return launch(
    inject('etcdPath'),
    [
      ['--data-dir', join(folder, 'etcd')],
      ['--listen-client-urls', clients, '--advertise-client-urls', clients],
      ['--listen-peer-urls', peers, '--initial-advertise-peer-urls', peers],
      ['--initial-cluster', `default=${peers}`, '--unsafe-no-fsync'],
    ].flat(),
    { stderr },
  );
}

interface NodeSettings {
  readonly name: string;
  readonly folder: string;
  /** Descriptor of what programs write to. */
  readonly log: number;
  readonly etcd: number;
  readonly port: number;
  readonly api: number;
}

type OwnNode = PatroniNode &
  Pick<NodeSettings, 'port' | 'api'> & { write(): Promise<void>; isFollowed(): Promise<boolean> };

function patroniNode(settings: NodeSettings): OwnNode {
  const { name, folder, log, port, api } = settings;
  const home = join(folder, name);
  const file = join(folder, `${name}.yml`);
  let patroni: ChildProcess | undefined;
  const ask = async (): Promise<z.output<typeof status> | undefined> => {
    try {
      return status.parse(await (await fetch(`http://127.0.0.1:${api}/patroni`)).json());
    } catch {
      return undefined;
    }
  };
  /** The server's own process, and those that it has started. */
  const processes = async (): Promise<PostgresProcess[]> => {
    const file = await readFile(join(home, 'data', 'postmaster.pid'), 'utf8').catch(() => '');
    const all = await postgresProcesses();
    // The file outlives its server, and the number may then be another program's.
    const server = all.find(({ pid, command }) => pid === parseInt(file, 10) && command.includes(home));
    return server === undefined ? [] : [server, ...all.filter(({ parent }) => parent === server.pid)];
  };
  return {
    name,
    port,
    api,
    url: `postgres://postgres:test-only@127.0.0.1:${port}/postgres`,
    write: async () => {
      await mkdir(home);
      await ownedBy(home);
      await writeFile(file, JSON.stringify(patroniSettings(settings, home)));
    },
    start: async () => {
      patroni = spawn(inject('patroniPath'), [file], {
        ...as,
        cwd: home,
        env: { PATH: process.env['PATH'] ?? '', HOME: home, LC_ALL: 'C.UTF-8' },
        stdio: ['ignore', log, log],
      });
      await waitUntil(async () => (await ask())?.state === 'running', `PostgreSQL ${name} to run`);
    },
    kill: async () => {
      if (patroni?.exitCode === null && patroni.signalCode === null) {
        patroni.kill('SIGKILL');
        await once(patroni, 'exit');
      }
      const pids = new Set((await processes()).map(({ pid }) => pid));
      pids.forEach((pid) => send(pid, 'SIGKILL'));
      await waitUntil(
        async () => (await postgresProcesses()).every(({ pid }) => !pids.has(pid)),
        `PostgreSQL ${name} to end`,
      );
    },
    holdBack: async () => {
      const senders = (await processes()).filter(({ command }) => command.includes('walsender'));
      if (senders.length === 0) {
        throw new Error(`PostgreSQL ${name} has no standby`);
      }
      senders.forEach(({ pid }) => send(pid, 'SIGSTOP'));
    },
    role: async () => {
      const answer = await ask();
      if (answer?.state !== 'running') {
        return undefined;
      }
      return ['master', 'primary'].includes(answer.role) ? 'primary' : 'standby';
    },
    isFollowed: async () =>
      (await ask())?.replication?.some(({ sync_state }) => sync_state === 'sync') ?? false,
  };
}

interface PostgresProcess {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
}

/** All processes of PostgreSQL that haven't ended. */
async function postgresProcesses(): Promise<PostgresProcess[]> {
  const { stdout } = await run('ps', ['-eo', 'pid=,ppid=,stat=,args='], { maxBuffer: 1e8 });
  return [...stdout.matchAll(/^ *(\d+) +(\d+) +([^Z\s]\S*) +(\S*postgres.*)$/gm)].map(
    ([, pid, parent, , command = '']) => ({ pid: Number(pid), parent: Number(parent), command }),
  );
}

/** Sends a signal to a process that may have ended in the meantime. */
function send(pid: number, sign: 'SIGKILL' | 'SIGSTOP'): void {
  try {
    process.kill(pid, sign);
  } catch (error) {
    if (codeOf(error) !== 'ESRCH') {
      throw error;
    }
  }
}

/** Patroni's settings. Its files are YAML, of which JSON is a part. */
function patroniSettings({ name, etcd, port, api }: NodeSettings, home: string): object {
  const user = (username: string): object => ({ username, password: 'test-only' });
  return {
    scope: 'vestibule',
    name,
    restapi: { listen: `127.0.0.1:${api}`, connect_address: `127.0.0.1:${api}` },
    etcd3: { host: `127.0.0.1:${etcd}` },
    bootstrap: {
      dcs: {
        ttl: 20,
        loop_wait: 1,
        retry_timeout: 3,
        synchronous_mode: true,
        postgresql: {
          use_pg_rewind: true,
          parameters: { max_connections: 200, wal_log_hints: 'on', fsync: 'off', full_page_writes: 'on' },
        },
      },
      initdb: [{ encoding: 'UTF8' }, { locale: 'C.UTF-8' }, 'no-sync'],
    },
    postgresql: {
      listen: `127.0.0.1:${port}`,
      connect_address: `127.0.0.1:${port}`,
      data_dir: join(home, 'data'),
      bin_dir: postgresPrograms(),
      pgpass: join(home, 'pgpass'),
      parameters: { unix_socket_directories: home },
      pg_hba: ['host all all 127.0.0.1/32 scram-sha-256', 'host replication all 127.0.0.1/32 scram-sha-256'],
      authentication: {
        superuser: user('postgres'),
        replication: user('replicator'),
        rewind: user('rewinder'),
      },
    },
  };
}

/** The proxy of Patroni's own documentation: Patroni answers 200 at `/primary` on one node alone. */
async function startProxy(
  folder: string,
  entry: number,
  nodes: readonly OwnNode[],
  stderr: number,
): Promise<() => Promise<unknown>> {
  const file = join(folder, 'haproxy.cfg');
  await writeFile(
    file,
    `
defaults
  mode tcp
  timeout connect 1s
  timeout client 30m
  timeout server 30m
listen primary
  bind 127.0.0.1:${entry}
  option httpchk OPTIONS /primary
  http-check expect status 200
  default-server inter 1s fall 2 rise 1 on-marked-down shutdown-sessions
${nodes.map(({ name, port, api }) => `  server ${name} 127.0.0.1:${port} check port ${api}`).join('\n')}
`,
  );
  return launch(inject('haproxyPath'), ['-db', '-q', '-f', file], { stderr });
}
