import type { FastifyReply, FastifyRequest } from 'fastify';
import type { CircuitBreaker, Settle } from '../core/circuit.breaker.js';
import { isGatewayFailure, unavailable } from '../core/vendor.call.js';

/** Errors of @fastify/reply-from: the upstream refused or broke the connection, or was too slow. */
const upstreamFailure = /^(?:FST_REPLY_FROM_|UND_ERR_|ECONN)/;

/** Requests that are passed on, through the upstream's circuit. */
export class UpstreamPassage {
  readonly #breaker: CircuitBreaker;
  readonly #failures = new WeakMap<object, unknown>();

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
    this.#failures.set(request, error);
    return unavailable('ory_upstream', error);
  }

  /** A browser that left, or sent half of what it announced, has seen nothing of how the upstream is. */
  #leave(request: FastifyRequest, reply: FastifyReply, settle: Settle): void {
    if (!reply.raw.writableFinished || !request.raw.complete) {
      settle('left');
    } else {
      const isAway = isGatewayFailure(reply.statusCode);
      settle(this.#failures.get(request) ?? (isAway ? unavailable('ory_upstream') : undefined));
    }
  }
}
