import { once } from 'node:events';
import { type IncomingMessage, type ServerResponse, createServer, request } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { ServerCertificate } from './local.authority.js';

/** What a proxy in front may get wrong. */
export interface FrontFaults {
  /** Sends the gateway's own address as Host. */
  readonly dropsHost?: boolean;
  /** Leaves `X-Forwarded-Proto` away. */
  readonly dropsProto?: boolean;
  /** Comes from an address that isn't in `TRUST_PROXY`. */
  readonly isStranger?: boolean;
  /** Answers everything itself. */
  readonly hasNoRoute?: boolean;
  /** Seconds that the gateway's clock seems to be ahead. */
  readonly secondsAhead?: number;
}

/** A proxy at `PUBLIC_URL`, in front of a gateway. */
export interface FrontProxy {
  /** What it gets wrong from now on; nothing without an argument. */
  set(faults?: FrontFaults): void;
  stop(): Promise<void>;
}

/** Starts a proxy on this port of localhost. @param target URL of the gateway. @param certificate where it speaks https. */
export async function startFrontProxy(
  port: number,
  target: string,
  certificate?: ServerCertificate,
): Promise<FrontProxy> {
  const { hostname, port: targetPort, host: targetHost } = new URL(target);
  let faults: FrontFaults = {};

  const handle = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    if (faults.hasNoRoute === true) {
      outgoing.writeHead(404, { 'content-type': 'text/html' }).end('<h1>404</h1>');
      return;
    }
    const inner = request(
      {
        hostname: hostname === 'localhost' ? '127.0.0.1' : hostname,
        port: targetPort,
        method: incoming.method,
        path: incoming.url,
        agent: false,
        ...(faults.isStranger === true ? { localAddress: '127.0.0.2' } : {}),
        headers: {
          ...incoming.headers,
          ...(faults.dropsHost === true ? { host: targetHost } : {}),
          'x-forwarded-for': '127.0.0.1',
          ...(faults.dropsProto === true
            ? {}
            : { 'x-forwarded-proto': certificate === undefined ? 'http' : 'https' }),
        },
      },
      (answer) => {
        const date = new Date(Date.now() + (faults.secondsAhead ?? 0) * 1000).toUTCString();
        outgoing.writeHead(answer.statusCode ?? 502, { ...answer.headers, date });
        answer.pipe(outgoing);
      },
    );
    inner.on('error', () => outgoing.destroy());
    incoming.pipe(inner);
  };

  const server =
    certificate === undefined ? createServer(handle) : createTlsServer({ ...certificate }, handle);
  server.listen(port, 'localhost');
  await once(server, 'listening');
  return {
    set: (given = {}) => {
      faults = given;
    },
    stop: async () => {
      server.closeAllConnections();
      if (server.listening) {
        server.close();
        await once(server, 'close');
      }
    },
  };
}
