import { connectionIdOf } from '../directory/users/connection-identity.js';
import { type Principal, hasSession } from '../session/principal.js';
import type { SessionService } from '../session/session.service.js';

/** Whether a visitor logged in by a connection, and not by an account of this site. */
export async function isOfConnection(
  sessions: SessionService,
  principal: Principal | undefined,
): Promise<boolean> {
  const row =
    principal !== undefined && hasSession(principal)
      ? await sessions.findLive(principal.claims.sid)
      : undefined;
  return row !== undefined && connectionIdOf(row.issuer) !== undefined;
}
