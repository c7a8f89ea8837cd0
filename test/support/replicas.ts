import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createApp } from '../../src/app/app-setup.js';
import { loadConfiguration } from '../../src/platform/config/configuration.js';
import { Clock } from '../../src/platform/time/clock.service.js';
import { findFreePorts } from '../../src/launcher/port-finder.js';
import { createLogger } from '../../src/platform/logging/pino-logger.js';
import type { Stack } from './stack.js';
import { ownFeatures } from '../../src/app/features.js';

/** Another gateway of the same deployment, in this process. */
export interface Replica {
  /** Where it listens; its origin for browsers is the stack's. */
  readonly url: string;
  app(): NestFastifyApplication;
  /** Sets its clock forward (or back) by this many seconds from the real time. */
  shiftClock(seconds: number): void;
  stop(): Promise<void>;
}

/** Starts replicas beside a stack's own gateway, on its databases, Kratos and Hydra. @param env settings on top. */
export async function startReplicas(
  stack: Pick<Stack, 'env'>,
  count: number,
  env: Readonly<Record<string, string>> = {},
): Promise<Replica[]> {
  const ports = await findFreePorts(count);
  return Promise.all(
    ports.map(async (port) => {
      const configuration = loadConfiguration({ ...stack.env, PORT: String(port), ...env }, ownFeatures);
      const app = await createApp(configuration, { logger: createLogger('silent') });
      let shift = 0;
      app.get(Clock, { strict: false }).now = () => Date.now() + shift * 1000;
      await app.listen(configuration.PORT, configuration.HOST);
      return {
        url: `http://localhost:${port}`,
        app: () => app,
        shiftClock: (seconds) => {
          shift = seconds;
        },
        stop: () => app.close(),
      };
    }),
  );
}
