import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeAuthority } from './local.authority.js';
import { waitUntil } from './stack.js';

const shipped = new URL('../../docker/nginx/nginx.conf', import.meta.url);

/** nginx with the configuration of docker/nginx, in front of one gateway. */
export interface ShippedNginx {
  /** Certificate of the authority that signed its own, PEM. */
  readonly ca: string;
  /** Lines of its access log. */
  log(): Promise<readonly string[]>;
  stop(): Promise<void>;
}

/**
 * Starts it. Only addresses, and the folders that a container has of its own, are others than in the file.
 * @param port to listen on, at loopback, with TLS.
 * @param gatewayPort what both upstream names lead to.
 */
export async function startShippedNginx(
  program: string,
  port: number,
  gatewayPort: number,
): Promise<ShippedNginx> {
  const folder = await mkdtemp(join(tmpdir(), 'vestibule-nginx-'));
  const authority = await makeAuthority();
  const [ca, { cert, key }] = [await readFile(authority.path, 'utf8'), await authority.issue('localhost', 2)];
  await authority.remove();
  await mkdir(join(folder, 'tmp'));
  await writeFile(join(folder, 'tls.crt'), cert);
  await writeFile(join(folder, 'tls.key'), key);
  const text = (await readFile(shipped, 'utf8'))
    .replaceAll(/(?<=\s)\/tmp\//g, `${folder}/tmp/`)
    .replaceAll('/run/secrets/', `${folder}/`)
    .replaceAll(/gateway-\d:3000/g, `127.0.0.1:${gatewayPort}`)
    .replace('listen 8443', `listen 127.0.0.1:${port}`);
  await writeFile(join(folder, 'nginx.conf'), text);
  const logPath = join(folder, 'access.log');
  const log = await open(logPath, 'a');
  // nginx's workers leave root, and could not write into the folder then.
  const user = process.getuid?.() === 0 ? ' user root;' : '';
  const args = ['-e', 'stderr', '-p', folder, '-c', 'nginx.conf', '-g', `daemon off;${user}`];
  const child: ChildProcess = spawn(program, args, { stdio: ['ignore', log.fd, 'inherit'] });
  await log.close();
  await waitUntil(() => {
    if (child.exitCode !== null) {
      throw new Error('nginx ended at once');
    }
    return fetchable(port);
  }, 'nginx to listen');
  return {
    ca,
    log: async () => (await readFile(logPath, 'utf8')).split('\n').filter((line) => line !== ''),
    stop: async () => {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGTERM');
        await once(child, 'exit');
      }
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Whether somebody speaks there: plain HTTP gets an answer from a TLS port too. */
async function fetchable(port: number): Promise<boolean> {
  return fetch(`http://127.0.0.1:${port}/`).then(
    () => true,
    () => false,
  );
}
