import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createServer } from 'node:http';
import { inject } from 'vitest';
import { buildGo } from './go.program.js';
import { waitUntil } from './stack.js';

/** The proxies that tests run. */
export const runProxies = ['nginx', 'caddy', 'traefik'] as const;
export type RunProxy = (typeof runProxies)[number];

/** Longest that a start may take, in milliseconds. The first one builds Traefik; later it's in the cache. */
export const proxyLimit = 3_600_000;

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

/** Where the program is. Traefik isn't Debian's: it's built from its Go module. */
async function programOf(name: RunProxy): Promise<string> {
  return name === 'traefik'
    ? join(await buildGo('traefik', { packages: 'tool' }), 'traefik')
    : inject(`${name}Path`);
}

/** What starts it with the files in a folder. */
function argumentsOf(name: RunProxy, folder: string): readonly string[] {
  // nginx's workers leave root, and could not write into the folder then.
  const user = process.getuid?.() === 0 ? ' user root;' : '';
  return {
    nginx: ['-e', 'stderr', '-p', folder, '-c', 'nginx.conf', '-g', `daemon off;${user}`],
    caddy: ['run', '--config', join(folder, 'Caddyfile'), '--adapter', 'caddyfile'],
    traefik: ['--configFile=traefik.yml'],
  }[name];
}

/** Starts a proxy with the example's files, in which only the ports are others. */
export async function startFrontProxy(name: RunProxy, addresses: FrontAddresses): Promise<FrontProxy> {
  const program = await programOf(name);
  const folder = await mkdtemp(join(tmpdir(), `vestibule-${name}-`));
  await cp(folderOf(name), folder, { recursive: true });
  for (const file of await readdir(folder)) {
    const text = await readFile(join(folder, file), 'utf8');
    await writeFile(join(folder, file), withPorts(text, addresses));
  }
  let output = '';
  const child: ChildProcess = spawn(program, argumentsOf(name, folder), {
    cwd: folder,
    env: { PATH: process.env['PATH'] ?? '', HOME: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => (output += String(chunk)));
  }
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await waitUntil(async () => {
      if (child.exitCode !== null) {
        throw new Error(`${name} ended: ${output}`);
      }
      // Traefik listens before it has read its routes, and answers 404 then.
      return fetch(`http://127.0.0.1:${addresses.front}/public/`).then(
        ({ status }) => status === 200,
        () => false,
      );
    }, `${name} to answer`);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: `http://localhost:${addresses.front}`, stop };
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
