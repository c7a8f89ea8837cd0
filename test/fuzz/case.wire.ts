import { gzipSync } from 'node:zlib';
import { type FuzzWorld, withWords } from './fuzz.world.js';
import type { FuzzCase } from './route.cases.js';
import type { WireRequest } from './wire.client.js';

/** The case as bytes on the line. */
export function toWire(
  { caller, method, target, headers, body, framing }: FuzzCase,
  world: FuzzWorld,
): WireRequest {
  const text = body === undefined ? undefined : withWords(body, world);
  const bytes =
    text === undefined ? undefined : framing === 'latin1' ? Buffer.from(text, 'latin1') : Buffer.from(text);
  const sent = [...headers, ...world.headersOf(caller)];
  const path = withWords(target, world);
  if (bytes === undefined) {
    return { method, target: path, headers: sent };
  }
  if (framing === 'chunked' || framing === 'trailers') {
    const trailers =
      framing === 'trailers' ? 'X-Injected: 1\r\nContent-Length: 0\r\nHost: evil.test\r\n' : '';
    const chunk = bytes.length === 0 ? [] : [`${bytes.length.toString(16)};x="y"\r\n`, bytes, '\r\n'];
    const whole = Buffer.concat([...chunk, `0\r\n${trailers}\r\n`].map((part) => Buffer.from(part)));
    return { method, target: path, headers: [...sent, ['Transfer-Encoding', 'chunked']], body: whole };
  }
  const content = framing === 'gzip' ? gzipSync(bytes) : bytes;
  const encoding: readonly (readonly [string, string])[] =
    framing === 'gzip' ? [['Content-Encoding', 'gzip']] : [];
  return {
    method,
    target: path,
    headers: [...sent, ...encoding, ['Content-Length', String(content.length)]],
    body: content,
  };
}
