import { callbackify } from 'node:util';
import { Agent, type Dispatcher, buildConnector, errors } from 'undici';
import type { CircuitBreaker } from '../../../platform/upstream/circuit.breaker.js';
import { libraryTimeout, vendorTimeout } from '../../../platform/upstream/vendor.call.js';

/** undici's options for requests that are passed on to an upstream. */
export function upstreamOptions(connections: number): Agent.Options {
  return {
    headersTimeout: libraryTimeout,
    bodyTimeout: libraryTimeout,
    connections,
    connect: verifiedConnector(),
  };
}

/**
 * Sends reads to an upstream, each with the time of a call of our own: a page that Kratos is slow to make, because it hashes the
 * passwords of many who log in, isn't an error page. undici's own time-out knows neither that nor a late event loop.
 */
export class ReadDispatcher {
  /** Of undici, for what the breaker's limit doesn't end. */
  readonly headersTimeout = libraryTimeout;
  readonly bodyTimeout = vendorTimeout;
  /** As @fastify/reply-from calls a dispatcher of undici: with a callback. */
  readonly request = callbackify(async (options: Dispatcher.RequestOptions) => this.#send(options));
  readonly #agent: Agent;
  readonly #breaker: CircuitBreaker;

  constructor(connections: number, breaker: CircuitBreaker) {
    this.#agent = new Agent(upstreamOptions(connections));
    this.#breaker = breaker;
  }

  async #send(options: Dispatcher.RequestOptions): Promise<Dispatcher.ResponseData> {
    try {
      return await this.#breaker.limit(async (signal) => this.#agent.request({ ...options, signal }));
    } catch (error) {
      throw error instanceof DOMException && error.name === 'TimeoutError'
        ? new errors.HeadersTimeoutError(error.message)
        : error;
    }
  }
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
