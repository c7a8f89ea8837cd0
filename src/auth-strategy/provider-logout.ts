import { Logger } from '@nestjs/common';
import pLimit from 'p-limit';
import type { IdentityKey } from '../directory/users/identity.js';
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
  return attempted(() => strategy.endSession(session));
}

/** Ends the provider's sessions behind several of ours. Never throws. */
export async function endAllAtProvider(
  strategy: AuthStrategy,
  sessions: readonly SessionRow[],
): Promise<void> {
  const limit = pLimit(parallelCalls);
  await Promise.all(sessions.map((session) => limit(() => endAtProvider(strategy, session))));
}

/**
 * Ends all sessions of identities that the gateway administers, also those that never led here. Never throws.
 * @param except id of the provider's session that stays.
 */
export async function endIdentitiesAtProvider(
  { identities: administration }: AuthStrategy,
  identities: readonly IdentityKey[],
  except?: string,
): Promise<void> {
  for (const { issuer, subject } of identities) {
    if (administration?.has(issuer) === true) {
      await attempted(() => administration.endSessions(subject, except));
    }
  }
}

async function attempted<T>(end: () => Promise<T>): Promise<T | undefined> {
  try {
    return await end();
  } catch (error) {
    logger.error('the session could not be ended at the provider', {
      reason: 'provider_logout_failed',
      err: error,
    });
    return undefined;
  }
}
