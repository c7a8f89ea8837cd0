import type { Server } from 'node:http';
import { Logger } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { CommonConfiguration } from '../config/configuration.js';
import { DrainState } from '../core/drain.state.js';
import { problemCatalogue } from '../core/problem.catalogue.js';
import { Problem } from '../core/problem.error.js';
import { problemBody } from './problem.body.js';
import { pathOf } from './request.path.js';

/** Milliseconds between two signs of life of the event loop. */
const heartbeat = 50;
/** So many requests must have been let through since the last sign: one long step alone is no overload. */
const leastRequests = 20;
/** Milliseconds between two lines about it in the log. */
const logInterval = 10_000;
/** Who comes again does so after one to so many seconds, and not all at once. */
const longestRetry = 4;
/** Milliseconds that what is under way when the port closes may take: Node looks for slow requests only while it listens. */
const lastAnswers = 20_000;
/** Whether the process lives, and how it fares, is said at any time. */
const alwaysServed = /^\/(?:health\/live|metrics)$/;

/**
 * What is refused whatever it asks for: new requests while the event loop is late (load is shed before everything is late),
 * and readiness while the process is about to end; and what is cut off when it ends. Costs two comparisons a request.
 */
export function setUpTraffic(
  app: NestFastifyApplication,
  { MAX_EVENT_LOOP_DELAY: limit }: CommonConfiguration,
): void {
  const fastify: FastifyInstance = app.getHttpAdapter().getInstance();
  const drain = app.get(DrainState, { strict: false });
  const shedder = limit > 0 ? new LoadShedder(limit) : undefined;
  fastify.addHook('onRequest', (request, reply, done) => {
    if (drain.isDraining && pathOf(request) === '/health/ready') {
      throw new Problem('not_ready', { reason: 'draining' });
    }
    if (shedder === undefined || shedder.admits() || alwaysServed.test(pathOf(request))) {
      done();
    } else {
      shedder.refuse(request, reply);
    }
  });
  fastify.addHook('preClose', (done) => {
    if (fastify.server.listening) {
      endLateConnections(fastify.server);
    }
    done();
  });
  fastify.addHook('onClose', async () => shedder?.stop());
}

/** Nobody keeps a closing server alive by a request that never ends. */
function endLateConnections(server: Server): void {
  const timer = setTimeout(() => {
    new Logger('shutdown').warn('requests that did not end are cut off', { afterMs: lastAnswers });
    server.closeAllConnections();
  }, lastAnswers).unref();
  server.once('close', () => clearTimeout(timer));
}

/**
 * Refuses requests while the event loop is late. What is late is seen at each request and not by a timer, which in an overload comes
 * as late as everything else: a thousand requests are begun in one turn of the loop, and the timer comes after them.
 *
 * It answers by itself and throws no problem: thousands of stack traces and log lines would be a load of their own.
 */
class LoadShedder {
  readonly #logger = new Logger('overload');
  readonly #limit: number;
  readonly #timer: NodeJS.Timeout;
  #beatAt = performance.now();
  #admitted = 0;
  #loggedAt = Number.NEGATIVE_INFINITY;

  /** @param limit milliseconds that the loop may be late. */
  constructor(limit: number) {
    this.#limit = limit;
    this.#timer = setInterval(() => {
      this.#beatAt = performance.now();
      this.#admitted = 0;
    }, heartbeat).unref();
  }

  /** Whether a request that has just come may begin. */
  admits(): boolean {
    this.#admitted += 1;
    return this.#admitted <= leastRequests || performance.now() - this.#beatAt <= this.#limit + heartbeat;
  }

  refuse(request: FastifyRequest, reply: FastifyReply): void {
    const now = performance.now();
    if (now - this.#loggedAt > logInterval) {
      this.#loggedAt = now;
      this.#logger.warn('more requests than can be answered in time: new ones are refused', {
        reason: 'event_loop_delay',
        delayMs: Math.round(now - this.#beatAt),
      });
    }
    void reply
      .code(problemCatalogue.overloaded.status)
      .header('retry-after', String(1 + Math.floor(Math.random() * longestRetry)))
      .header('cache-control', 'no-store')
      .type('application/problem+json')
      .send(problemBody('overloaded', request.id));
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
