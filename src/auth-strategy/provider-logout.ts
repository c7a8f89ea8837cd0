import { Logger } from '@nestjs/common';
import pLimit from 'p-limit';
import type { SessionRow } from '../platform/database/database.schema.js';
import type { AuthStrategy } from './auth.strategy.js';

const logger = new Logger('ProviderLogout');
/** Maximum number of concurrent calls to the provider. */
const parallelCalls = 8;

/**
 * Ends the provider's session behind one of ours that has been ended. Never throws: if the provider can't be reached,
 * our session stays ended.
 * @returns where the browser must go next, if anywhere.
 */
export async function endAtProvider(strategy: AuthStrategy, session: SessionRow): Promise<URL | undefined> {
  try {
    return await strategy.endSession(session);
  } catch (error) {
    logger.error('the session could not be ended at the provider', {
      reason: 'provider_logout_failed',
      err: error,
    });
    return undefined;
  }
}

/** Ends the provider's sessions behind several of ours. Never throws. */
export async function endAllAtProvider(
  strategy: AuthStrategy,
  sessions: readonly SessionRow[],
): Promise<void> {
  const limit = pLimit(parallelCalls);
  await Promise.all(sessions.map((session) => limit(() => endAtProvider(strategy, session))));
}
