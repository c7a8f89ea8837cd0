import type { FastifyReply, FastifyRequest } from 'fastify';
import { networksOf } from '../../../directory/rate-limit/limit-keys.js';
import { FairQueue, type Leave, overloaded } from './fair-queue.js';

/** Maximum requests that wait in one queue. They come from people: 200 who log in at the same moment are all let in. */
export const longestQueue = 512;
/** Milliseconds that each request may wait: half of what reverse proxies usually give an answer. */
export const longestWait = 30_000;

/** A lane of requests, by method; each lane has its own queue. */
export interface Lane {
  readonly methods: readonly string[];
}

/** The queues of one upstream. A turn lasts from when a request is passed on until its answer begins. */
export class UpstreamQueue {
  readonly #lines: readonly { readonly methods: readonly string[]; readonly queue: FairQueue }[];
  readonly #turns = new WeakMap<FastifyRequest, Leave>();

  /** @param atOnce requests of one lane that are passed on at the same time. */
  constructor(lanes: readonly Lane[], atOnce: number) {
    this.#lines = lanes.map(({ methods }) => ({
      methods,
      queue: new FairQueue({ atOnce, longest: longestQueue, timeout: longestWait }),
    }));
  }

  /**
   * Waits for a turn.
   * @param isKnown whether the caller goes before those who may be anyone.
   * @throws {Problem} `overloaded`, also when the caller has left: nothing is passed on then.
   */
  async enter(request: FastifyRequest, reply: FastifyReply, isKnown: boolean): Promise<void> {
    const queue = this.#lines.find(({ methods }) => methods.includes(request.method))?.queue;
    if (queue === undefined) {
      return;
    }
    const gone = new AbortController();
    // For a caller who left while the gates looked, no `close` is to come.
    requireCaller(reply);
    reply.raw.once('close', () => gone.abort());
    const leave = await queue.enter({ networks: networksOf(request.ip), isKnown }, gone.signal);
    if (gone.signal.aborted) {
      leave();
      throw overloaded('queue_left');
    }
    this.#turns.set(request, leave);
    gone.signal.addEventListener('abort', leave);
  }

  /** Ends the turn of a request, when its answer begins or none will come. */
  leave(request: FastifyRequest): void {
    this.#turns.get(request)?.();
  }
}

/** Requires that the caller is still there: for one who has left, nothing is asked or passed on. @throws {Problem} `overloaded` */
export function requireCaller(reply: FastifyReply): void {
  if (reply.raw.destroyed) {
    throw overloaded('queue_left');
  }
}
