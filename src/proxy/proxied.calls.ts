import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ObservedCall, UpstreamCalls } from '../upstreams/upstream.calls.js';

/** Requests that are passed on, as calls to the upstream: timed until its answer begins. */
export class ProxiedCalls {
  readonly #calls: UpstreamCalls;
  readonly #underWay = new WeakMap<object, ObservedCall>();

  constructor(calls: UpstreamCalls) {
    this.#calls = calls;
  }

  /** A request is about to be passed on. */
  begin(upstream: 'kratos' | 'hydra', request: FastifyRequest): void {
    const call = this.#calls.begin(upstream, { operation: 'proxy', method: request.method });
    this.#underWay.set(request, call);
  }

  /** What goes with it, so that the upstream's spans join the trace. */
  headersOf(request: object): Readonly<Record<string, string>> {
    return this.#underWay.get(request)?.headers ?? {};
  }

  /** Its answer is there, or none will come. */
  end(request: FastifyRequest, reply: FastifyReply): void {
    this.#underWay.get(request)?.end(reply.statusCode);
    this.#underWay.delete(request);
  }
}
