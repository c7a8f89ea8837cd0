import type { FastifyReply, FastifyRequest } from 'fastify';
import type { CircuitBreaker, Settle } from '../core/circuit.breaker.js';
import { Problem } from '../core/problem.error.js';
import { isGatewayFailure, unavailable } from '../core/vendor.call.js';

/** Errors of @fastify/reply-from: the upstream refused or broke the connection, or was too slow. */
const upstreamFailure = /^(?:FST_REPLY_FROM_|UND_ERR_|ECONN)/;
/** The request can't be sent as it is, and wasn't: that says nothing of the upstream. */
const unsendable = /^UND_ERR_(?:INVALID_ARG|NOT_SUPPORTED|REQ_CONTENT_LENGTH_MISMATCH)$/;

/** Requests that are passed on, through the upstream's circuit. */
export class UpstreamPassage {
  readonly #breaker: CircuitBreaker;
  readonly #failures = new WeakMap<object, unknown>();
  readonly #unsent = new WeakSet<object>();

  constructor(breaker: CircuitBreaker) {
    this.#breaker = breaker;
  }

  /** A request is about to be passed on. @throws {Problem} `provider_unavailable` while the circuit is open. */
  enter(request: FastifyRequest, reply: FastifyReply): void {
    const settle = this.#breaker.begin();
    reply.raw.once('close', () => this.#leave(request, reply, settle));
  }

  /** It failed. @returns what to answer. */
  failed(request: FastifyRequest, error: unknown): unknown {
    const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined;
    if (typeof code !== 'string' || !upstreamFailure.test(code)) {
      return error;
    }
    if (unsendable.test(code)) {
      this.#unsent.add(request);
      return new Problem('malformed_request', { reason: 'not_to_be_passed_on', cause: error });
    }
    this.#failures.set(request, error);
    return unavailable('ory_upstream', error);
  }

  /** A browser that left, or sent half of what it announced, has seen nothing of how the upstream is. */
  #leave(request: FastifyRequest, reply: FastifyReply, settle: Settle): void {
    if (!reply.raw.writableFinished || !request.raw.complete || this.#unsent.has(request)) {
      settle('left');
    } else {
      const isAway = isGatewayFailure(reply.statusCode);
      settle(this.#failures.get(request) ?? (isAway ? unavailable('ory_upstream') : undefined));
    }
  }
}
