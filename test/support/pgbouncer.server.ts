import { chown, mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inject } from 'vitest';
import { findFreePorts } from '../../src/launcher/port-finder.js';
import { launch } from '../docker/program.launch.js';
import { isPrimary } from './patroni.cluster.js';
import { waitUntil } from './stack.js';

/** A PgBouncer in transaction mode before a PostgreSQL server. */
export interface Pgbouncer {
  /** The server's URL, through the pooler. */
  readonly url: string;
  stop(): Promise<void>;
}

/** PgBouncer refuses to run as root. */
const nobody = 65_534;

/** Starts it with few connections to the server, which clients share from one transaction to the next. */
export async function startPgbouncer(serverUrl: string): Promise<Pgbouncer> {
  const folder = await mkdtemp(join(tmpdir(), 'vestibule-pgbouncer-'));
  const [port = 0] = await findFreePorts(1);
  const url = new URL(serverUrl);
  const settings = join(folder, 'pgbouncer.ini');
  await writeFile(
    settings,
    `
[databases]
* = host=${url.hostname} port=${url.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = trust
auth_file = ${join(folder, 'users')}
pool_mode = transaction
default_pool_size = 4
max_client_conn = 200
ignore_startup_parameters = extra_float_digits,statement_timeout
server_login_retry = 1
`,
  );
  await writeFile(join(folder, 'users'), `"${url.username}" "${url.password}"\n`);
  const log = await open(join(folder, 'log'), 'a');
  const as = process.getuid?.() === 0 ? { uid: nobody, gid: nobody } : {};
  if (as.uid !== undefined) {
    await chown(folder, as.uid, as.gid);
  }
  const end = launch(inject('pgbouncerPath'), ['-q', settings], { ...as, stderr: log.fd });
  url.port = String(port);
  const stop = async (): Promise<void> => {
    await end();
    await log.close();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await waitUntil(() => isPrimary(url.href), 'PgBouncer to answer');
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: url.href, stop };
}
