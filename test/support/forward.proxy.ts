import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { cp, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createServer, request as httpRequest } from 'node:http';
import type { Duplex } from 'node:stream';
import { inject } from 'vitest';
import { noteRequest } from './attack.counter.js';
import { bringFromPyPi } from './python.program.js';
import { rawRequest } from './raw.request.js';
import { waitUntil } from './stack.js';

/** The proxies that tests run. */
export const runProxies = ['nginx', 'caddy', 'traefik', 'envoy'] as const;
export type RunProxy = (typeof runProxies)[number];

/** Longest that a start may take, in milliseconds. The first one downloads Traefik; later it's in the cache. */
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
  /** Of the second application, where the example has applications on hosts of their own. */
  readonly wiki?: number;
}

const folderOf = (name: string): string =>
  fileURLToPath(new URL(`../../examples/forward-auth/${name}/`, import.meta.url));

/** Where wheels have the program itself: the `bin/envoy` of its wheel only starts it. */
const inWheels = { traefik: 'bin/traefik', envoy: 'envoy/_bin/envoy' } as const;

/** Where the program is. Traefik and Envoy aren't Debian's, and compiling them takes long: PyPI has the released programs. */
async function programOf(name: RunProxy): Promise<string> {
  return name === 'traefik' || name === 'envoy'
    ? join(await bringFromPyPi(name), inWheels[name])
    : inject(`${name}Path`);
}

/** What starts it with the files in a folder. @param hasHosts whether the applications have hosts of their own. */
function argumentsOf(name: RunProxy, folder: string, hasHosts: boolean): readonly string[] {
  // nginx's workers leave root, and could not write into the folder then.
  const user = process.getuid?.() === 0 ? ' user root;' : '';
  const configuration = {
    nginx: hasHosts ? 'hosts.conf' : 'nginx.conf',
    caddy: join(folder, hasHosts ? 'hosts.Caddyfile' : 'Caddyfile'),
    traefik: hasHosts ? 'traefik-hosts.yml' : 'traefik.yml',
    envoy: hasHosts ? 'hosts.yaml' : 'envoy.yaml',
  }[name];
  return {
    nginx: ['-e', 'stderr', '-p', folder, '-c', configuration, '-g', `daemon off;${user}`],
    caddy: ['run', '--config', configuration, '--adapter', 'caddyfile'],
    traefik: [`--configFile=${configuration}`],
    envoy: envoyArguments(configuration),
  }[name];
}

/** Envoys that run side by side have shared memory of their own. */
const envoyArguments = (configuration: string): readonly string[] =>
  ['-c', configuration].concat('--use-dynamic-base-id --log-level warn --concurrency 1'.split(' '));

/** The command that starts Envoy with a file. */
export async function envoyCommand(configuration: string): Promise<readonly string[]> {
  return [await programOf('envoy'), ...envoyArguments(configuration)];
}

/** Starts a proxy with the example's files, in which only the ports are others. */
export async function startFrontProxy(name: RunProxy, addresses: FrontAddresses): Promise<FrontProxy> {
  const program = await programOf(name);
  const hasHosts = addresses.wiki !== undefined;
  const folder = await mkdtemp(join(tmpdir(), `vestibule-${name}-`));
  await cp(folderOf(name), folder, { recursive: true });
  for (const file of await readdir(folder)) {
    const text = await readFile(join(folder, file), 'utf8');
    await writeFile(join(folder, file), withPorts(text, addresses));
  }
  let output = '';
  const child: ChildProcess = spawn(program, argumentsOf(name, folder, hasHosts), {
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
      const [host, path, ready] = hasHosts ? ['app.localhost', '/', 401] : ['localhost', '/public/', 200];
      return rawRequest(`http://127.0.0.1:${addresses.front}`, {
        path,
        headers: { host: `${host}:${addresses.front}` },
      }).then(
        ({ status }) => status === ready,
        () => false,
      );
    }, `${name} to answer`);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: `http://${hasHosts ? 'auth.' : ''}localhost:${addresses.front}`, stop };
}

/** The example's addresses with a test's ports; each must be there, or the test would show nothing. */
function withPorts(text: string, { front, gateway, app, wiki = 0 }: FrontAddresses): string {
  return text
    .replaceAll('127.0.0.1:8000', `127.0.0.1:${front}`)
    .replaceAll(/(http:\/\/(?:\w+\.localhost)?):8000/g, `$1:${front}`)
    .replaceAll('127.0.0.1:3000', `127.0.0.1:${gateway}`)
    .replaceAll('127.0.0.1:8080', `127.0.0.1:${app}`)
    .replaceAll('127.0.0.1:8090', `127.0.0.1:${wiki}`)
    .replaceAll(/(?<=localhost):8000(?=')/g, `:${front}`)
    .replaceAll('port_value: 8000', `port_value: ${front}`)
    .replaceAll('port_value: 3000', `port_value: ${gateway}`)
    .replaceAll('port_value: 8080', `port_value: ${app}`)
    .replaceAll('port_value: 8090', `port_value: ${wiki}`);
}

/** What a client of a WebSocket must find in the answer (RFC 6455 section 4.2.2). */
function acceptOf(key: string | undefined): string {
  return createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
}

/**
 * A plain upstream that answers what it was sent, as JSON, and sets a cookie of its own. What ends in `/cached` may be cached
 * by everyone. It switches to any protocol, as lax applications do, and sends its user's id as the one message of a WebSocket.
 */
export async function startEcho(port: number): Promise<{ stop(): Promise<void> }> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      response.setHeader('content-type', 'application/json');
      response.setHeader('set-cookie', 'app=1; Path=/app');
      const { method, url, headers } = request;
      if (url?.endsWith('/cached') === true) {
        response.setHeader('cache-control', 'public, max-age=600');
      }
      response.end(JSON.stringify({ method, url, headers, body: Buffer.concat(chunks).toString() }));
    });
  });
  const sockets = new Set<Duplex>();
  server.on('upgrade', (request, socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    const message = Buffer.from(String(request.headers['x-auth-user']));
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${acceptOf(request.headers['sec-websocket-key'])}\r\n\r\n`,
    );
    socket.write(Buffer.concat([Buffer.from([0x81, message.length]), message]));
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    stop: async () => {
      for (const socket of sockets) {
        socket.destroy();
      }
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Every mix of `-` and `_` in a header's name: to CGI, WSGI and PHP they are one header. */
export function spellingsOf(name: string): readonly string[] {
  const [first = '', ...rest] = name.split('-');
  return rest.reduce<readonly string[]>(
    (starts, part) => starts.flatMap((start) => [`${start}-${part}`, `${start}_${part}`]),
    [first],
  );
}

/** Headers in which some applications read the path instead of in the request line (IIS, Symfony, Laminas). */
export const foreignPaths: readonly string[] = ['x-original-url', 'x-rewrite-url'];

/** Values of `Upgrade`, one or more lines, that are no WebSocket's. */
export const foreignUpgrades: readonly (readonly string[])[] = [
  ['h2c'],
  ['websocket, h2c'],
  ['h2c', 'websocket'],
  ['websocketx'],
  ['tunnel/1'],
];

/** What came of a request to switch protocols: 101 and the first bytes, or another status. */
interface Upgraded {
  readonly status: number;
  readonly received: string;
}

/** Asks for another protocol. @param url where to connect to; also the Host header, unless `headers` has one. */
export async function requestUpgrade(
  url: string,
  {
    path,
    headers,
  }: { readonly path: string; readonly headers: Readonly<Record<string, string | readonly string[]>> },
): Promise<Upgraded> {
  noteRequest();
  const { host, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest({ host: '127.0.0.1', port, path, agent: false });
    for (const [name, value] of Object.entries({ host, connection: 'Upgrade', ...headers })) {
      outgoing.setHeader(name, value);
    }
    outgoing.on('error', reject);
    outgoing.on('response', (incoming) => {
      incoming.resume();
      resolve({ status: incoming.statusCode ?? 0, received: '' });
    });
    outgoing.on('upgrade', (incoming, socket, head) => {
      const settle = (bytes: Buffer): void => {
        socket.destroy();
        resolve({ status: incoming.statusCode ?? 0, received: bytes.toString('latin1') });
      };
      socket.on('error', reject);
      if (head.length > 0) {
        settle(head);
      } else {
        socket.once('data', settle);
      }
    });
    outgoing.end();
  });
}
