import { type OutgoingHttpHeaders, request } from 'node:http';
import type { LookupFunction } from 'node:net';
import { noteRequest } from './attack.counter.js';

/** What `fetch` wouldn't send: any Host, path, method or `Sec-Fetch-*`, and headers given twice. */
export interface RawRequest {
  readonly method?: string;
  /** As it is, not normalised. */
  readonly path: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string | Uint8Array;
  /** Leaves: the connection ends. */
  readonly signal?: AbortSignal;
}

/** Every name is this machine: nothing to look up, and no attempt over IPv6 first. */
const lookup: LookupFunction = (_name, { all }, done) => {
  const address = '127.0.0.1';
  if (all === true) {
    done(null, [{ address, family: 4 }]);
  } else {
    done(null, address, 4);
  }
};

/**
 * Sends a request as it is, on a connection of its own.
 * @param url where to connect to; also the Host header, unless `headers` has one.
 */
export async function rawRequest(
  url: string,
  { method = 'GET', path, headers = {}, body, signal }: RawRequest,
): Promise<Response> {
  noteRequest();
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const options = { hostname, port, method, path, headers, lookup, signal, agent: false };
    const outgoing = request(options, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on('error', reject);
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('end', () => {
        const answerHeaders = new Headers();
        for (let index = 0; index + 1 < incoming.rawHeaders.length; index += 2) {
          answerHeaders.append(incoming.rawHeaders[index] ?? '', incoming.rawHeaders[index + 1] ?? '');
        }
        const status = incoming.statusCode ?? 0;
        const text = Buffer.concat(chunks);
        resolve(new Response(text.length === 0 ? null : text, { status, headers: answerHeaders }));
      });
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}
