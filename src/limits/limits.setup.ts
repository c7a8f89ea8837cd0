import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';
import { RateLimits } from './rate.limits.js';

/** Settles every attempt that was counted, whichever route answers it: Nest's or the proxy's. */
export function setUpLimits(app: NestFastifyApplication): void {
  const limits = app.get(RateLimits, { strict: false });
  const fastify: FastifyInstance = app.getHttpAdapter().getInstance();
  fastify.addHook('onSend', (request, reply, _payload, proceed) => {
    const settling = limits.settle(request, reply);
    if (settling === undefined) {
      proceed();
    } else {
      void settling.then(() => proceed());
    }
  });
}
