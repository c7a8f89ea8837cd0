import { Readable } from 'node:stream';
import { callbackify } from 'node:util';
import { Agent, type Dispatcher, buildConnector, errors } from 'undici';
import type { CircuitBreaker } from '../../../platform/upstream/circuit-breaker.js';
import { libraryTimeout } from '../../../platform/upstream/vendor-call.js';

/** Bytes of an answer, at most. Forms are limited, so that a flow has no more than some ten thousand. */
const longestAnswer = 1_048_576;

/** A request to an upstream, as undici takes it. */
export type UpstreamRequest = Dispatcher.RequestOptions;

/**
 * An answer with its whole body: it was read before anything of it is passed on. So a caller who is slow to read holds no connection to the
 * upstream, and nothing can break off in the middle.
 */
export interface WholeAnswer extends Pick<Dispatcher.ResponseData, 'statusCode' | 'headers'> {
  readonly bytes: Uint8Array;
}

/** Sends a request once. */
export type Send = (request: UpstreamRequest) => Promise<WholeAnswer>;

/** Gets the answer to a request, by sending it as often as it likes. */
type Sending = (request: UpstreamRequest, send: Send) => Promise<WholeAnswer>;

/**
 * Sends requests to an upstream, as @fastify/reply-from calls a dispatcher of undici.
 *
 * Submissions have the library's time. Reads have the time of a call of our own: a page that Kratos is slow to make, because it
 * hashes the passwords of many who log in, isn't an error page. undici's own time-out knows neither that nor a late event loop.
 */
export class UpstreamDispatcher {
  readonly headersTimeout = libraryTimeout;
  readonly bodyTimeout = libraryTimeout;
  readonly request = callbackify(async (request: UpstreamRequest) =>
    asStream(await this.sending(request, async (one) => wholeOf(await this.#agent.request(one)))),
  );
  readonly #agent: Agent;

  private constructor(
    connections: number,
    private readonly sending: Sending,
  ) {
    this.#agent = new Agent({
      headersTimeout: libraryTimeout,
      bodyTimeout: libraryTimeout,
      connections,
      connect: verifiedConnector(),
      maxResponseSize: longestAnswer,
    });
  }

  static ofReads(connections: number, breaker: CircuitBreaker): UpstreamDispatcher {
    return new UpstreamDispatcher(connections, async (request, send) => {
      try {
        return await breaker.limit(async (signal) => send({ ...request, signal }));
      } catch (error) {
        throw error instanceof DOMException && error.name === 'TimeoutError'
          ? new errors.HeadersTimeoutError(error.message)
          : error;
      }
    });
  }

  /** @param sending by default, once. */
  static ofSubmissions(
    connections: number,
    sending: Sending = async (request, send) => send(request),
  ): UpstreamDispatcher {
    return new UpstreamDispatcher(connections, sending);
  }
}

async function wholeOf({ statusCode, headers, body }: Dispatcher.ResponseData): Promise<WholeAnswer> {
  return { statusCode, headers, bytes: await body.bytes() };
}

/** An answer as @fastify/reply-from reads it. */
function asStream({ bytes, ...answer }: WholeAnswer): Pick<WholeAnswer, 'statusCode' | 'headers'> & {
  readonly body: Readable;
} {
  return { ...answer, body: Readable.from(bytes.length === 0 ? [] : [bytes], { objectMode: false }) };
}

/**
 * A connector that verifies the upstream's certificate, by the trusted authorities (`NODE_EXTRA_CA_CERTS` adds one) and for the
 * upstream's own name. Both must be configured. By default, @fastify/reply-from verifies nothing (CVE-2026-107318). undici takes
 * the name from the request's Host, which is our own origin here and not the upstream.
 */
function verifiedConnector(): buildConnector.connector {
  const connect = buildConnector({ rejectUnauthorized: true });
  return ({ servername: _ofHostHeader, ...target }, done) => connect(target, done);
}
