import { setTimeout as delay } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DrainState } from './core/drain.state.js';

const signals = ['SIGTERM', 'SIGINT'] as const;

/**
 * Ends the application when the process is asked to: not ready from the first moment, everything served for a while more, then no
 * new connection, and the process ends by the signal once what is under way is answered.
 * @param seconds for which everything is served after SIGTERM, until whoever balances has noticed.
 */
export function closeOnSignals(app: NestFastifyApplication, seconds: number): void {
  const logger = new Logger('shutdown');
  const drain = app.get(DrainState, { strict: false });
  const hurry = new AbortController();
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (drain.isDraining) {
      // A person who presses Ctrl-C doesn't want to wait for balancers.
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
      // An application that is closed by its owner leaves the process alone.
      if (!drain.isDraining) {
        forget();
      }
    });
}
