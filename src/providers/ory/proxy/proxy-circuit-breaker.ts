import type { FastifyReply, FastifyRequest } from 'fastify';
import type { CircuitBreaker, Settle } from '../../../platform/upstream/circuit-breaker.js';
import { isInnerCall } from '../../../platform/http/inner-call.js';
import { Problem } from '../../../platform/errors/problem.error.js';
import { isGatewayFailure, unavailable } from '../../../platform/upstream/vendor-call.js';

/** Errors of @fastify/reply-from: the upstream refused or broke the connection, or was too slow. */
const upstreamFailure = /^(?:FST_REPLY_FROM_|UND_ERR_|ECONN)/;
/** Errors of a request that couldn't be sent as it is, which reveal nothing about the upstream. */
const unsendable = /^UND_ERR_(?:INVALID_ARG|NOT_SUPPORTED|REQ_CONTENT_LENGTH_MISMATCH)$/;

const isTooLarge = (error: unknown): boolean =>
  error instanceof Error && Reflect.get(error, 'code') === 'UND_ERR_RES_EXCEEDED_MAX_SIZE';

/** Passes requests on through the upstream's circuit breaker. */
export class ProxyCircuitBreaker {
  readonly #failures = new WeakMap<object, unknown>();
  readonly #unsent = new WeakSet<object>();
  readonly #entered = new WeakMap<object, Settle>();

  constructor(private readonly breaker: CircuitBreaker) {}

  /** Begins a request that is about to be passed on. @throws {Problem} `provider_unavailable` while the circuit is open. */
  enter(request: FastifyRequest, reply: FastifyReply): void {
    this.#entered.set(request, this.breaker.begin());
    reply.raw.once('close', () => this.#leave(request, reply));
  }

  /** Ends a request once the upstream has answered with a redirect, which may be followed before this answer is sent. */
  answered(request: FastifyRequest, { statusCode }: FastifyReply): void {
    if (statusCode >= 300 && statusCode < 400) {
      this.#settle(request);
    }
  }

  /** Notes that a request failed. @returns the error to answer with. */
  failed(request: FastifyRequest, error: unknown): unknown {
    const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined;
    if (typeof code !== 'string' || !upstreamFailure.test(code)) {
      return error;
    }
    if (error instanceof Error && isTooLarge(error.cause)) {
      // The upstream did answer.
      this.#unsent.add(request);
      return unavailable('ory_answer_too_large', error);
    }
    if (unsendable.test(code)) {
      this.#unsent.add(request);
      return new Problem('malformed_request', { reason: 'not_to_be_passed_on', cause: error });
    }
    this.#failures.set(request, error);
    return unavailable('ory_upstream', error);
  }

  /** Ends a request. If the browser left, or sent only a part of its body, that reveals nothing about the upstream. */
  #leave(request: FastifyRequest, reply: FastifyReply): void {
    // A request of this process (`inject`) has no `complete`, as its body is there, and closes before its answer counts as finished.
    const { writableEnded, writableFinished } = reply.raw;
    const isSent = isInnerCall(request) ? writableEnded : writableFinished;
    if (!isSent || request.raw.complete === false || this.#unsent.has(request)) {
      this.#settle(request, 'left');
    } else {
      const isAway = isGatewayFailure(reply.statusCode);
      this.#settle(
        request,
        this.#failures.get(request) ?? (isAway ? unavailable('ory_upstream') : undefined),
      );
    }
  }

  #settle(request: FastifyRequest, failure?: unknown): void {
    this.#entered.get(request)?.(failure);
    this.#entered.delete(request);
  }
}
