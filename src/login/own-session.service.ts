import { Injectable } from '@nestjs/common';
import { AuditService } from '../directory/audit/audit.service.js';
import { Problem } from '../platform/errors/problem.error.js';
import type { SessionRow } from '../platform/database/database.schema.js';
import { requireScopes } from '../session/guards/authorization.js';
import { type Principal, hasSession } from '../session/principal.js';
import { fullScope } from '../session/guards/scopes.js';
import type { MintedSession } from '../session/session-minter.js';
import { SessionService } from '../session/session.service.js';
import { UsersService } from '../directory/users/users.service.js';
import { AuthStrategy } from '../auth-strategy/auth.strategy.js';
import { endAtProvider } from '../auth-strategy/provider-logout.js';
import type { ClientInfo } from '../platform/http/client-info.js';

/** Mints bearer tokens of the caller's own session, and ends it on logout. */
@Injectable()
export class OwnSession {
  constructor(
    private readonly strategy: AuthStrategy,
    private readonly users: UsersService,
    private readonly sessions: SessionService,
    private readonly audit: AuditService,
  ) {}

  /** A bearer made from the caller's token, for services without cookies. @throws {Problem} `unauthenticated` if it ended. */
  async mintBearer(principal: Principal): Promise<MintedSession> {
    const { claims } = principal;
    const session = hasSession(principal) ? await this.sessions.findLive(claims.sid) : undefined;
    if (session === undefined) {
      throw new Problem('unauthenticated', { reason: 'session_over' });
    }
    const account = await this.users.requireAccount(claims.sub, session.org_id);
    return this.sessions.mint(account, session, { source: claims });
  }

  /**
   * Ends the session here first, then at the provider. If the provider can't be reached, the user is logged out all the same.
   * @returns where the browser must go next, if anywhere.
   * @throws {Problem} `insufficient_scope` for a narrowed bearer: its holder may not end the session.
   */
  async logout(principal: Principal, client: ClientInfo): Promise<URL | undefined> {
    if (principal.credential !== 'cookie') {
      requireScopes(principal.claims, [fullScope]);
    }
    const session = await this.logoutHere(principal, client);
    if (session === undefined) {
      return undefined;
    }
    return endAtProvider(this.strategy, session);
  }

  /** Ends the session only here, when the provider's own logout is under way. @returns the session that ended. */
  async logoutHere(principal: Principal, client: ClientInfo): Promise<SessionRow | undefined> {
    const { claims } = principal;
    if (!hasSession(principal)) {
      return undefined;
    }
    const session = await this.sessions.findLive(claims.sid);
    await this.sessions.end({ id: claims.sid }, 'logout');
    await this.audit.record({ type: 'logout', userId: claims.sub, sessionId: claims.sid, ...client });
    return session;
  }
}
