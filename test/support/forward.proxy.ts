import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createServer } from 'node:http';
import { waitUntil } from './stack.js';

/** A proxy of examples/forward-auth as a process of its own. */
export interface FrontProxy {
  readonly url: string;
  stop(): Promise<void>;
}

/** Where things are in a test. */
export interface FrontAddresses {
  /** Port on which the proxy listens. */
  readonly front: number;
  readonly gateway: number;
  readonly app: number;
}

const folderOf = (name: string): string =>
  fileURLToPath(new URL(`../../examples/forward-auth/${name}/`, import.meta.url));

/** Starts nginx or Caddy with the example's files, in which only the ports are others. */
export async function startFrontProxy(
  name: 'nginx' | 'caddy',
  program: string,
  addresses: FrontAddresses,
): Promise<FrontProxy> {
  const folder = await mkdtemp(join(tmpdir(), `vestibule-${name}-`));
  await cp(folderOf(name), folder, { recursive: true });
  for (const file of await readdir(folder)) {
    const text = await readFile(join(folder, file), 'utf8');
    await writeFile(join(folder, file), withPorts(text, addresses));
  }
  // nginx's workers leave root, and could not write into the folder then.
  const user = process.getuid?.() === 0 ? ' user root;' : '';
  const args =
    name === 'nginx'
      ? ['-e', 'stderr', '-p', folder, '-c', 'nginx.conf', '-g', `daemon off;${user}`]
      : ['run', '--config', join(folder, 'Caddyfile'), '--adapter', 'caddyfile'];
  let output = '';
  const child: ChildProcess = spawn(program, args, {
    env: { PATH: process.env['PATH'] ?? '', HOME: folder },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  child.stderr?.on('data', (chunk: Buffer) => (output += String(chunk)));
  const url = `http://localhost:${addresses.front}`;
  await waitUntil(async () => {
    if (child.exitCode !== null) {
      throw new Error(`${name} ended: ${output}`);
    }
    return fetch(`http://127.0.0.1:${addresses.front}/public/`).then(
      () => true,
      () => false,
    );
  }, `${name} to answer`);
  return {
    url,
    stop: async () => {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGTERM');
        await once(child, 'exit');
      }
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The example's addresses with a test's ports; each must be there, or the test would show nothing. */
function withPorts(text: string, { front, gateway, app }: FrontAddresses): string {
  return text
    .replaceAll('127.0.0.1:8000', `127.0.0.1:${front}`)
    .replaceAll('http://:8000', `http://:${front}`)
    .replaceAll('127.0.0.1:3000', `127.0.0.1:${gateway}`)
    .replaceAll('127.0.0.1:8080', `127.0.0.1:${app}`);
}

/** A plain upstream that answers what it was sent, as JSON, and sets a cookie of its own. */
export async function startEcho(port: number): Promise<{ stop(): Promise<void> }> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      response.setHeader('content-type', 'application/json');
      response.setHeader('set-cookie', 'app=1; Path=/app');
      const { method, url, headers } = request;
      response.end(JSON.stringify({ method, url, headers, body: Buffer.concat(chunks).toString() }));
    });
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
