import { setTimeout as delay } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DrainState } from '../platform/core/drain-state.js';

const signals = ['SIGTERM', 'SIGINT'] as const;

/**
 * Shuts the application down on SIGTERM and SIGINT. It reports not ready at once and goes on serving for a while.
 * Then it accepts no new connections, and the process ends by the signal once open requests are answered.
 * @param seconds how long to go on serving after SIGTERM, until the load balancer has noticed.
 */
export function closeOnSignals(app: NestFastifyApplication, seconds: number): void {
  const logger = new Logger('shutdown');
  const drain = app.get(DrainState, { strict: false });
  const hurry = new AbortController();
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (drain.isDraining) {
      // Ctrl-C skips the wait for load balancers.
      if (signal === 'SIGINT') {
        hurry.abort();
      }
      return;
    }
    drain.begin();
    logger.log('the process is asked to end', {
      signal,
      servesForSeconds: signal === 'SIGTERM' ? seconds : 0,
    });
    if (signal === 'SIGTERM' && seconds > 0) {
      await delay(seconds * 1000, undefined, { signal: hurry.signal }).catch(() => undefined);
    }
    await app.close();
    forget();
    process.kill(process.pid, signal);
  };
  const listener = (signal: NodeJS.Signals): void => {
    end(signal).catch((error: unknown) => {
      logger.error(error);
      process.exit(1);
    });
  };
  const forget = (): void => signals.forEach((signal) => process.off(signal, listener));
  signals.forEach((signal) => process.on(signal, listener));
  app
    .getHttpAdapter()
    .getInstance()
    .addHook('onClose', async () => {
      // If the application's owner closes it, the process goes on, so the signal handlers are removed.
      if (!drain.isDraining) {
        forget();
      }
    });
}
