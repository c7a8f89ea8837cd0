import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';

/** A JSON object in an answer → what is sent instead. */
export type Rewrite = (body: Readonly<Record<string, unknown>>) => Promise<object> | object;

/** An HTTP server before another one, which passes everything on until it's told to misbehave. */
export interface FaultyProxy {
  readonly url: string;
  /** Holds each request back for this many milliseconds. */
  slow(milliseconds: number): void;
  /** Cuts each connection. */
  down(): void;
  /** Answers each request with status 200 and an HTML page. */
  html(): void;
  /** Changes the JSON answers of one path. */
  rewrite(path: string, change: Rewrite): void;
  /** Answers each request of one path with this status, and this JSON; without any, with a plain text. */
  refuse(path: string, status: number, body?: object): void;
  /** Keeps the next answer to a POST of one path back: the server behind has done its part. @returns lets it go. */
  hold(path: string): () => void;
  /** How many requests of this path came by. */
  count(path: string): number;
  /** How many of them have been answered. */
  countAnswered(path: string): number;
  /** Well again. */
  reset(): void;
  stop(): Promise<void>;
}

/** Starts a proxy on this loopback port. @param target URL of the server behind it. */
export async function startFaultyProxy(port: number, target: string): Promise<FaultyProxy> {
  const { hostname, port: targetPort } = new URL(target);
  let delay = 0;
  let mode: 'well' | 'down' | 'html' = 'well';
  let rewrites: Readonly<Record<string, Rewrite>> = {};
  let refusals: Readonly<Record<string, { readonly status: number; readonly body: object | undefined }>> = {};
  const holds = new Map<string, Promise<unknown>>();
  const timers = new Set<NodeJS.Timeout>();
  const counts = new Map<string, number>();
  const answered = new Map<string, number>();
  const add = (to: Map<string, number>, path: string): void => void to.set(path, (to.get(path) ?? 0) + 1);

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
    const path = pathOf(incoming);
    const refusal = refusals[path];
    if (refusal !== undefined) {
      const { status, body } = refusal;
      const type = body === undefined ? 'text/plain' : 'application/json';
      outgoing
        .writeHead(status, { 'content-type': type })
        .end(body === undefined ? 'no' : JSON.stringify(body));
      return;
    }
    const change = rewrites[path];
    const held = incoming.method === 'POST' ? holds.get(path) : undefined;
    if (held !== undefined) {
      holds.delete(path);
    }
    const options = { hostname, port: targetPort, method: incoming.method, path: incoming.url, agent: false };
    const inner = request({ ...options, headers: incoming.headers }, (answer) => {
      if (change === undefined) {
        void passOn(answer, outgoing, held);
      } else {
        void sendChanged(answer, outgoing, change);
      }
    });
    inner.on('error', () => outgoing.destroy());
    incoming.pipe(inner);
  };

  const server = createServer((incoming, outgoing) => {
    const path = pathOf(incoming);
    add(counts, path);
    outgoing.once('finish', () => add(answered, path));
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
    rewrites = {};
    refusals = {};
    holds.clear();
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
    rewrite: (path, change) => {
      rewrites = { ...rewrites, [path]: change };
    },
    refuse: (path, status, body) => {
      refusals = { ...refusals, [path]: { status, body } };
    },
    hold: (path) => {
      let release = (): void => undefined;
      holds.set(
        path,
        new Promise<void>((resolve) => {
          release = resolve;
        }),
      );
      return () => release();
    },
    count: (path) => counts.get(path) ?? 0,
    countAnswered: (path) => answered.get(path) ?? 0,
    reset,
    stop: async () => {
      reset();
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

function pathOf(incoming: IncomingMessage): string {
  return new URL(incoming.url ?? '/', 'http://localhost').pathname;
}

async function passOn(
  answer: IncomingMessage,
  outgoing: ServerResponse,
  held: Promise<unknown> | undefined,
): Promise<void> {
  await held;
  outgoing.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
  answer.pipe(outgoing);
}

async function sendChanged(
  answer: IncomingMessage,
  outgoing: ServerResponse,
  change: Rewrite,
): Promise<void> {
  const chunks: string[] = [];
  for await (const chunk of answer.setEncoding('utf8')) {
    chunks.push(String(chunk));
  }
  const body: unknown = JSON.parse(chunks.join(''));
  const changed = await change(Object.fromEntries(Object.entries(Object(body))));
  outgoing.writeHead(answer.statusCode ?? 502, { 'content-type': 'application/json' });
  outgoing.end(JSON.stringify(changed));
}
