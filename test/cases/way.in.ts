import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { inject } from 'vitest';
import { findFreePorts } from '../../src/launcher/port-finder.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { noteRequest } from '../support/attack.counter.js';
import { type ShippedNginx, startShippedNginx } from '../support/shipped.nginx.js';

/** How a request gets to a gateway. */
export const waysIn = ['directly', 'through nginx'] as const;

/** A gateway and what stands before it. */
export interface WayIn {
  readonly gateway: Gateway;
  /** The Host header, as a line. */
  readonly host: string;
  readonly nginx: ShippedNginx | undefined;
  /** A connection that requests can be written to. */
  connect(): Promise<Socket>;
  /** Sends bytes as they are. @returns everything that came back until the other side closed, as Latin-1. */
  send(bytes: string): Promise<string>;
  stop(): Promise<void>;
}

/** Starts one. @param env of the gateway; it trusts nobody's headers but nginx's. */
export async function startWayIn(
  way: (typeof waysIn)[number],
  env: Readonly<Record<string, string>> = {},
): Promise<WayIn> {
  const [front = 0, own = 0] = await findFreePorts(2);
  const isProxied = way === 'through nginx';
  const gateway = await startGateway({
    PUBLIC_URL: `https://localhost:${front}`,
    ...(isProxied ? { TRUST_PROXY: 'loopback' } : {}),
    ...env,
  });
  const port = isProxied ? own : front;
  await gateway.app.listen(port, '127.0.0.1');
  const nginx = isProxied ? await startShippedNginx(inject('nginxPath'), front, port) : undefined;
  const connect = async (): Promise<Socket> => {
    const socket =
      nginx === undefined
        ? connectTcp(port, '127.0.0.1')
        : connectTls({ host: '127.0.0.1', port: front, servername: 'localhost', ca: nginx.ca });
    socket.on('error', () => undefined);
    await once(socket, nginx === undefined ? 'connect' : 'secureConnect');
    return socket;
  };
  return {
    gateway,
    host: `Host: localhost:${front}\r\n`,
    nginx,
    connect,
    send: async (bytes) => {
      noteRequest();
      const socket = await connect();
      let received = '';
      socket.setEncoding('latin1');
      socket.on('data', (text: string) => {
        received += text;
      });
      const closed = new Promise((resolve) => socket.on('close', resolve));
      socket.write(bytes, 'latin1');
      await closed;
      return received;
    },
    stop: async () => {
      await nginx?.stop();
      await gateway.stop();
    },
  };
}

/** Statuses of the answers in what came back. */
export function statusesOf(received: string): readonly number[] {
  return [...received.matchAll(/^HTTP\/1\.1 (\d{3})/gm)].map(([, status]) => Number(status));
}
