import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { LaunchError, messageOf, systemCodeOf } from './launch.error.js';

/**
 * Below the ranges from which Linux (32768 up) and macOS (49152 up) take ports for outgoing connections, so that no
 * connection sits on a port between its choice and its use, or while a child restarts.
 */
const lowest = 20_000;
const beyond = 32_000;
/** This process listens at the first port of each of its blocks as long as it lives: that keeps other processes out. */
const blockSize = 40;
const loopback = '127.0.0.1';

const unused: number[] = [];

/**
 * Picks free ports on the loopback interface, each different, none twice in this process, and none that another process
 * may be given while this one lives.
 * @throws {LaunchError} when no ports are left.
 */
export async function findFreePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  while (ports.length < count) {
    const port = unused.shift();
    if (port === undefined) {
      unused.push(...(await takeBlock()));
    } else if (await isFree(port)) {
      ports.push(port);
    }
  }
  return ports;
}

async function takeBlock(): Promise<number[]> {
  const blocks = (beyond - lowest) / blockSize;
  const start = randomInt(blocks);
  for (let step = 0; step < blocks; step += 1) {
    const first = lowest + ((start + step) % blocks) * blockSize;
    const server = createServer((socket) => socket.destroy());
    try {
      await listen(server, loopback, first);
    } catch {
      continue;
    }
    server.unref();
    return Array.from({ length: blockSize - 1 }, (_, index) => first + 1 + index);
  }
  throw new LaunchError(`No block of ports between ${lowest} and ${beyond - 1} on ${loopback} is free.`);
}

async function isFree(port: number): Promise<boolean> {
  try {
    await listenOnce(loopback, port);
    return true;
  } catch {
    return false;
  }
}

/**
 * Checks that the gateway will be able to listen.
 * @throws {LaunchError} when something else listens there, or when the address isn't one of this machine's.
 */
export async function assertPortIsFree(host: string, port: number): Promise<void> {
  try {
    await listenOnce(host, port);
  } catch (error) {
    const reasons: Record<string, string> = {
      EADDRINUSE: `Port ${port} on ${host} is already in use. Stop what listens there, or choose another: PORT=${port + 1} npm start`,
      EACCES: `Port ${port} on ${host} needs more rights than this process has. Choose one above 1023: PORT=3000 npm start`,
      EADDRNOTAVAIL: `HOST ${host} is not an address of this machine. Set HOST to 127.0.0.1 or to one that is.`,
      ENOTFOUND: `HOST ${host} can't be resolved. Set HOST to 127.0.0.1 or to an address of this machine.`,
    };
    const reason =
      reasons[systemCodeOf(error) ?? ''] ?? `${host}:${port} can't be listened on: ${messageOf(error)}`;
    throw new LaunchError(reason, { cause: error });
  }
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  server.listen({ host, port, exclusive: true });
  await once(server, 'listening');
}

/** Listens, and stops at once. @throws what the system says against it. */
async function listenOnce(host: string, port: number): Promise<void> {
  const server = createServer();
  await listen(server, host, port);
  const closed = once(server, 'close');
  server.close();
  await closed;
}
