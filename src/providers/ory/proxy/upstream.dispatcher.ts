import { callbackify } from 'node:util';
import { Agent, type Dispatcher, buildConnector, errors } from 'undici';
import type { CircuitBreaker } from '../../../platform/upstream/circuit.breaker.js';
import { libraryTimeout, vendorTimeout } from '../../../platform/upstream/vendor.call.js';

/**
 * Sends requests to an upstream, as @fastify/reply-from calls a dispatcher of undici.
 *
 * Submissions have the library's time. Reads have the time of a call of our own: a page that Kratos is slow to make, because it
 * hashes the passwords of many who log in, isn't an error page. undici's own time-out knows neither that nor a late event loop.
 */
export class UpstreamDispatcher {
  /** Of undici, for what the breaker's limit doesn't end. */
  readonly headersTimeout = libraryTimeout;
  readonly bodyTimeout: number;
  readonly request = callbackify(async (options: Dispatcher.RequestOptions) => {
    const answer = await this.#send(options);
    // The library destroys the answer to a caller who has left, and an answer can break off before anything reads it. undici
    // reports both as an event, and without a listener that event ends the process.
    answer.body.on('error', () => undefined);
    return answer;
  });
  readonly #agent: Agent;
  /** Of reads; undefined: of submissions. */
  readonly #breaker: CircuitBreaker | undefined;

  private constructor(connections: number, breaker?: CircuitBreaker) {
    this.#agent = new Agent({
      headersTimeout: libraryTimeout,
      bodyTimeout: libraryTimeout,
      connections,
      connect: verifiedConnector(),
    });
    this.#breaker = breaker;
    this.bodyTimeout = breaker === undefined ? libraryTimeout : vendorTimeout;
  }

  static ofReads(connections: number, breaker: CircuitBreaker): UpstreamDispatcher {
    return new UpstreamDispatcher(connections, breaker);
  }

  static ofSubmissions(connections: number): UpstreamDispatcher {
    return new UpstreamDispatcher(connections);
  }

  async #send(options: Dispatcher.RequestOptions): Promise<Dispatcher.ResponseData> {
    if (this.#breaker === undefined) {
      return this.#agent.request(options);
    }
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
