import type { Server } from 'node:http';
import { Logger } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { CommonConfiguration } from '../config/configuration.js';
import { DrainState } from '../core/drain-state.js';
import { problemCatalogue } from '../errors/problem.catalogue.js';
import { Problem } from '../errors/problem.error.js';
import { isInnerCall } from './inner-call.js';
import { PipelinedRequests } from './pipelined-requests.js';
import { problemBody } from './problem-body.js';
import { pathOf } from './request-path.js';

/** Milliseconds between two beats of the event loop. */
const heartbeat = 50;
/** Requests that must have been admitted since the last beat: one long step alone isn't an overload. */
const leastRequests = 20;
/** Milliseconds between two log lines about it. */
const logInterval = 10_000;
/** Seconds at most after which a refused client retries, from one on: clients don't all retry at once. */
const longestRetry = 4;
/** Milliseconds that running requests may take once the port closes: Node checks for slow requests only while it listens. */
const lastAnswers = 20_000;
/** Always answered: liveness, metrics, and Kratos, which asks whose guess a request is that was admitted. */
const alwaysServed = /^\/(?:health\/live|metrics|auth\/ory\/session-question\/.*)$/;

/**
 * Sets up refusals that don't depend on the route: new requests while the event loop is late (load is shed before all answers
 * are late), and readiness while the process is about to end. Calls of this process go on, as the request that they are for was
 * admitted. At the end it closes connections that remain. A pipelined request waits for its turn here, and is judged when that has
 * come. It costs three comparisons per request.
 */
export function setUpTraffic(
  app: NestFastifyApplication,
  { MAX_EVENT_LOOP_DELAY: limit }: CommonConfiguration,
): void {
  const fastify: FastifyInstance = app.getHttpAdapter().getInstance();
  const drain = app.get(DrainState, { strict: false });
  const shedder = limit > 0 ? new LoadShedder(limit) : undefined;
  const pipelined = new PipelinedRequests();
  const judge = (request: FastifyRequest, reply: FastifyReply, done: (refusal?: Problem) => void): void => {
    if (drain.isDraining && pathOf(request) === '/health/ready') {
      done(new Problem('not_ready', { reason: 'draining' }));
    } else if (
      shedder === undefined ||
      isInnerCall(request) ||
      shedder.admits() ||
      alwaysServed.test(pathOf(request))
    ) {
      done();
    } else {
      shedder.refuse(request, reply);
    }
  };
  fastify.addHook('onRequest', (request, reply, done) => {
    if (reply.raw.socket === null) {
      pipelined.wait(request, reply, () => judge(request, reply, done));
    } else {
      judge(request, reply, done);
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

/** Closes the connections that remain: a request that never ends must not keep a closing server alive. */
function endLateConnections(server: Server): void {
  const timer = setTimeout(() => {
    new Logger('shutdown').warn('requests that did not end are cut off', { afterMs: lastAnswers });
    server.closeAllConnections();
  }, lastAnswers).unref();
  server.once('close', () => clearTimeout(timer));
}

/**
 * Refuses requests while the event loop is late. Lateness is measured at each request and not by a timer, which in an overload is
 * as late as everything else: a thousand requests begin in one turn of the loop, and the timer comes after them.
 *
 * It answers by itself and throws no problem: thousands of stack traces and log lines would be a load of their own.
 */
class LoadShedder {
  readonly #logger = new Logger('overload');
  readonly #timer: NodeJS.Timeout;
  #beatAt = performance.now();
  #admitted = 0;
  #loggedAt = Number.NEGATIVE_INFINITY;

  /** @param limit milliseconds that the loop may be late. */
  constructor(private readonly limit: number) {
    this.#timer = setInterval(() => {
      this.#beatAt = performance.now();
      this.#admitted = 0;
    }, heartbeat).unref();
  }

  /** Whether a new request may begin. */
  admits(): boolean {
    this.#admitted += 1;
    return this.#admitted <= leastRequests || performance.now() - this.#beatAt <= this.limit + heartbeat;
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
