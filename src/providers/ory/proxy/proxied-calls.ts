import type { FastifyReply, FastifyRequest } from 'fastify';
import type { CallSpan } from '../../../platform/telemetry/telemetry.js';
import type { UpstreamCalls } from '../../../platform/upstream/upstream-calls.js';

/** Observes requests that are passed on as calls to the upstream, timed until the answer begins. */
export class ProxiedCalls {
  readonly #underWay = new WeakMap<object, CallSpan>();

  constructor(private readonly calls: UpstreamCalls) {}

  /** Begins the call of a request that is about to be passed on. */
  begin(upstream: 'kratos' | 'hydra', request: FastifyRequest, reply: FastifyReply): void {
    const call = this.calls.begin(upstream, { operation: 'proxy', method: request.method });
    this.#underWay.set(request, call);
    // A caller who leaves gets no answer.
    reply.raw.once('close', () => this.end(request, reply));
  }

  /** Headers to send with the request, so that the upstream's spans join the trace. */
  headersOf(request: object): Readonly<Record<string, string>> {
    return this.#underWay.get(request)?.headers ?? {};
  }

  /** Ends the call, when its answer is there or none will come. */
  end(request: FastifyRequest, reply: FastifyReply): void {
    this.#underWay.get(request)?.end(reply.statusCode);
    this.#underWay.delete(request);
  }
}
