import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { portProblem } from '../../scripts/preflight.mjs';
import { LaunchError } from './launch.error.js';

/**
 * Lowest port. The range is below the ports that Linux (from 32768) and macOS (from 49152) use for outgoing connections. So no
 * connection can take a port before its use, or while a child restarts.
 */
const lowest = 20_000;
const beyond = 32_000;
/** Ports per block. This process listens on the first port of each of its blocks until it ends, to keep other processes out. */
const blockSize = 40;
const loopback = '127.0.0.1';

const unused: number[] = [];

/**
 * Picks free ports on the loopback interface. No port is picked twice in this process, or by another process while this one
 * runs.
 * @throws {LaunchError} if no ports are left.
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
  return (await portProblem(loopback, port)) === undefined;
}

/** Checks that the gateway can listen. @throws {LaunchError} if the port is taken, or the address isn't ours. */
export async function assertPortIsFree(host: string, port: number): Promise<void> {
  const problem = await portProblem(host, port);
  if (problem !== undefined) {
    throw new LaunchError(problem);
  }
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  server.listen({ host, port, exclusive: true });
  await once(server, 'listening');
}
