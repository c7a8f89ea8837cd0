import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';

/** An HTTP server before another one, which passes everything on until it's told to misbehave. */
export interface FaultyProxy {
  readonly url: string;
  /** Holds each request back for this many milliseconds. */
  slow(milliseconds: number): void;
  /** Cuts each connection. */
  down(): void;
  /** Answers each request with status 200 and an HTML page. */
  html(): void;
  /** Well again. */
  reset(): void;
  stop(): Promise<void>;
}

/** Starts a proxy on this loopback port. @param target URL of the server behind it. */
export async function startFaultyProxy(port: number, target: string): Promise<FaultyProxy> {
  const { hostname, port: targetPort } = new URL(target);
  let delay = 0;
  let mode: 'well' | 'down' | 'html' = 'well';
  const timers = new Set<NodeJS.Timeout>();

  const handle = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    if (mode === 'down') {
      incoming.socket.destroy();
      return;
    }
    if (mode === 'html') {
      outgoing.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
      outgoing.end('<!doctype html><title>Maintenance</title><h1>We will be right back</h1>');
      return;
    }
    const options = { hostname, port: targetPort, method: incoming.method, path: incoming.url, agent: false };
    const inner = request({ ...options, headers: incoming.headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
      answer.pipe(outgoing);
    });
    inner.on('error', () => outgoing.destroy());
    incoming.pipe(inner);
  };

  const server = createServer((incoming, outgoing) => {
    if (delay === 0) {
      handle(incoming, outgoing);
      return;
    }
    const timer = setTimeout(() => {
      timers.delete(timer);
      handle(incoming, outgoing);
    }, delay);
    timers.add(timer);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');

  const reset = (): void => {
    delay = 0;
    mode = 'well';
    for (const timer of timers) {
      clearTimeout(timer);
    }
    timers.clear();
    // What was held back is over, and no connection of that time is used again.
    server.closeAllConnections();
  };
  return {
    url: `http://127.0.0.1:${port}`,
    slow: (milliseconds) => {
      delay = milliseconds;
    },
    down: () => {
      mode = 'down';
      server.closeAllConnections();
    },
    html: () => {
      mode = 'html';
    },
    reset,
    stop: async () => {
      reset();
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}
