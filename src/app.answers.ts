import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';
import { DrainState } from './core/drain.state.js';
import { RateLimits } from './limits/rate.limits.js';

/** What is done to every answer before it is sent, whichever route gives it: in one hook, because each costs every request. */
export function setUpAnswers(app: NestFastifyApplication): void {
  const drain = app.get(DrainState, { strict: false });
  const limits = app.get(RateLimits, { strict: false });
  const fastify: FastifyInstance = app.getHttpAdapter().getInstance();
  fastify.addHook('onSend', (request, reply, _payload, proceed) => {
    // A shared cache must never keep an answer that sets a cookie (RFC 9111 section 7.3).
    if (reply.hasHeader('set-cookie')) {
      void reply.header('cache-control', 'no-store');
    }
    // Whoever keeps this connection would send the next request into a closing door. When it's sent, and not when the request
    // comes: what was under way before is answered while the door closes.
    if (drain.isDraining) {
      void reply.header('connection', 'close');
    }
    const settling = limits.settle(request, reply);
    if (settling === undefined) {
      proceed();
    } else {
      void settling.then(() => proceed());
    }
  });
}
