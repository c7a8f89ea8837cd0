import { connect } from 'node:net';
import { noteRequest } from '../support/attack.counter.js';

/** A request, byte for byte; texts are latin1. */
export interface WireRequest {
  readonly method: string;
  /** Path and query as they are. */
  readonly target: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body?: Uint8Array | undefined;
}

/** What came back on the connection before it was closed. */
export interface WireAnswer {
  /** 0 when nothing came that begins as HTTP does. */
  readonly status: number;
  /** Lower-case names; of a name that is there twice, both values, with a line break between them. */
  readonly headers: ReadonlyMap<string, string>;
  /** The body without the chunks' frames. */
  readonly body: string;
  /** Bytes of it. */
  readonly length: number;
  /** All that came, as latin1. */
  readonly raw: string;
}

/** Milliseconds for an answer. */
const timeout = 20_000;

/**
 * Writes these bytes on a connection of their own and reads until it is closed.
 * @param isWhole whether our side is closed behind them: who waits for more of a broken request gets its end.
 */
export async function sendBytes(
  port: number,
  bytes: Uint8Array,
  { isWhole = false }: { readonly isWhole?: boolean } = {},
): Promise<WireAnswer> {
  noteRequest();
  const received: Buffer[] = [];
  await new Promise<void>((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => (isWhole ? socket.end(bytes) : socket.write(bytes)));
    socket.setTimeout(timeout, () => socket.destroy(new Error('no answer came in time')));
    socket.on('data', (chunk: Buffer) => received.push(chunk));
    // Anyone who refuses a request needn't read the rest of it: the connection may be reset then.
    socket.on('error', (error) => {
      if (Reflect.get(error, 'code') === 'ECONNRESET' || Reflect.get(error, 'code') === 'EPIPE') {
        resolve();
      } else {
        reject(error);
      }
    });
    socket.on('end', () => socket.end());
    socket.on('close', () => resolve());
  });
  return parseAnswer(Buffer.concat(received).toString('latin1'));
}

/** A request as it goes over the line, with `Connection: close`. */
export function toBytes({ method, target, headers, body }: WireRequest): Buffer {
  const lines = [...headers, ['Connection', 'close']].map(([name, value]) => `${name}: ${value}\r\n`);
  const head = Buffer.from(`${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n`, 'latin1');
  return Buffer.concat([head, body ?? Buffer.alloc(0)]);
}

/** An answer from all that came, as latin1. */
export function parseAnswer(raw: string): WireAnswer {
  const end = raw.indexOf('\r\n\r\n');
  const [statusLine = '', ...lines] = raw.slice(0, end === -1 ? raw.length : end).split('\r\n');
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before}\n${value}`);
  }
  const rest = end === -1 ? '' : raw.slice(end + 4);
  const body = headers.get('transfer-encoding') === 'chunked' ? withoutFrames(rest) : rest;
  return {
    status: Number(/^HTTP\/1\.1 (\d{3}) /.exec(statusLine)?.[1] ?? 0),
    headers,
    body: Buffer.from(body, 'latin1').toString('utf8'),
    length: body.length,
    raw,
  };
}

/** RFC 9112 section 7.1. */
function withoutFrames(text: string): string {
  const parts: string[] = [];
  let at = 0;
  for (;;) {
    const lineEnd = text.indexOf('\r\n', at);
    const size = Number.parseInt(text.slice(at, lineEnd), 16);
    if (lineEnd === -1 || !(size > 0)) {
      return parts.join('');
    }
    parts.push(text.slice(lineEnd + 2, lineEnd + 2 + size));
    at = lineEnd + 2 + size + 2;
  }
}
