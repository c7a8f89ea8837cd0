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
const loopback = '127.0.0.1';

const handedOut = new Set<number>();

/** Picks free ports on the loopback interface, each different and none twice in this process. */
export async function findFreePorts(count: number): Promise<number[]> {
  const servers: Server[] = [];
  const ports: number[] = [];
  try {
    while (ports.length < count) {
      const port = randomInt(lowest, beyond);
      if (handedOut.has(port)) {
        continue;
      }
      const server = createServer();
      try {
        await listen(server, loopback, port);
      } catch {
        continue;
      }
      handedOut.add(port);
      servers.push(server);
      ports.push(port);
    }
  } finally {
    await Promise.all(servers.map((server) => close(server)));
  }
  return ports;
}

/**
 * Checks that the gateway will be able to listen.
 * @throws {LaunchError} when something else listens there, or when the address isn't one of this machine's.
 */
export async function assertPortIsFree(host: string, port: number): Promise<void> {
  const server = createServer();
  try {
    await listen(server, host, port);
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
  await close(server);
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  server.listen({ host, port, exclusive: true });
  await once(server, 'listening');
}

async function close(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  await closed;
}
