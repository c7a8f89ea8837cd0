import type { FastifyReply, FastifyRequest } from 'fastify';
import { networksOf } from '../limits/limit.keys.js';
import { FairQueue, type Leave } from './fair.queue.js';

/** Requests that wait in one line. They come from people: 200 who log in at the same moment are all let in. */
const longest = 512;
/** Milliseconds that each waits. */
const patience = 15_000;

/** Requests that go one way: what reads has a line of its own. */
export interface Lane {
  readonly methods: readonly string[];
}

/** The lines before one upstream: a turn lasts from when a request is passed on until its answer begins. */
export class UpstreamQueue {
  readonly #lines: readonly { readonly methods: readonly string[]; readonly queue: FairQueue }[];
  readonly #turns = new WeakMap<FastifyRequest, Leave>();

  /** @param atOnce requests of one lane that are passed on at the same time. */
  constructor(lanes: readonly Lane[], atOnce: number) {
    this.#lines = lanes.map(({ methods }) => ({
      methods,
      queue: new FairQueue({ atOnce, longest, patience }),
    }));
  }

  /** Waits for a turn. @throws {Problem} `overloaded` */
  async enter(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const queue = this.#lines.find(({ methods }) => methods.includes(request.method))?.queue;
    if (queue === undefined) {
      return;
    }
    const gone = new AbortController();
    reply.raw.once('close', () => gone.abort());
    const leave = await queue.enter(networksOf(request.ip), gone.signal);
    this.#turns.set(request, leave);
    if (gone.signal.aborted) {
      leave();
    } else {
      gone.signal.addEventListener('abort', leave);
    }
  }

  /** The answer begins, or none will come. */
  leave(request: FastifyRequest): void {
    this.#turns.get(request)?.();
  }
}
