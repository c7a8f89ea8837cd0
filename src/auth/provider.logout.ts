import { Logger } from '@nestjs/common';
import type { SessionRow } from '../database/database.schema.js';
import type { AuthStrategy } from './auth.strategy.js';

const logger = new Logger('ProviderLogout');

/**
 * Ends the provider's session behind one of ours that has been ended. Never throws: a provider that can't be reached doesn't
 * keep anybody in.
 * @returns where the browser must go on to, if it must.
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
