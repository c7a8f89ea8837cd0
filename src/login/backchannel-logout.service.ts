import { Injectable } from '@nestjs/common';
import { AuditService } from '../directory/audit/audit.service.js';
import { Clock } from '../platform/time/clock.service.js';
import type { SessionRow } from '../platform/database/database.schema.js';
import { Problem } from '../platform/errors/problem.error.js';
import type { SessionSelector } from '../session/store/session.repository.js';
import { SessionService } from '../session/session.service.js';
import { AuthStrategy, type LogoutNotice, type VerifiedLogoutToken } from '../auth-strategy/auth.strategy.js';
import { UsedTokenRepository } from '../session/store/used-token.repository.js';
import type { ClientInfo } from '../platform/http/client-info.js';

/** Milliseconds after its issue in which a logout token is accepted: a provider sends it at once, and again when it must. */
const maximumAge = 300_000;
/** Milliseconds by which the provider's clock may differ from ours. */
const clockTolerance = 60_000;
const reason = 'backchannel_logout';

/** Handles logouts that a provider reports (OpenID Connect Back-Channel Logout 1.0 sections 2.5 to 2.7). */
@Injectable()
export class BackchannelLogoutService {
  constructor(
    private readonly strategy: AuthStrategy,
    private readonly sessions: SessionService,
    private readonly usedTokens: UsedTokenRepository,
    private readonly audit: AuditService,
    private readonly clock: Clock,
  ) {}

  /**
   * Ends the sessions that a logout token is about. There may be none, as they may have ended before.
   *
   * It ends the sessions first and marks the token as used afterwards. If the database fails in between, the provider sends the
   * same token again, and ending sessions twice is harmless. In the other order that token would be refused and the logout lost. A
   * used token ends nothing, so a replay can't reach a later login.
   * @throws {Problem} `malformed_request`, `provider_unavailable`, `database_unavailable`
   */
  async logout(token: string, client: ClientInfo): Promise<void> {
    const notice = await this.strategy.verifyLogoutToken(token);
    await this.once(notice, async () => {
      for (const selector of await this.#selectorsOf(notice)) {
        await this.end(selector, client);
      }
    });
  }

  /** Ends the sessions that a provider has ended, and records that. @returns those that were live until now. */
  async end(selector: SessionSelector, client: ClientInfo): Promise<readonly SessionRow[]> {
    const ended = await this.sessions.end(selector, reason);
    for (const { id, user_id: userId } of ended) {
      await this.audit.record({ type: 'session_ended', userId, sessionId: id, ...client, reason });
    }
    return ended;
  }

  /** Carries out a verified logout token unless it is too old, or has been used. @throws {Problem} `malformed_request` */
  async once(notice: VerifiedLogoutToken, act: () => Promise<void>): Promise<void> {
    this.requireRecent(notice);
    if (await this.usedTokens.isUsed(notice.tokenIssuer, notice.jti)) {
      throw refused('logout_token_used');
    }
    await act();
    const keepUntil = notice.issuedAt + maximumAge + clockTolerance;
    if (!(await this.usedTokens.use(notice.tokenIssuer, notice.jti, keepUntil))) {
      throw refused('logout_token_used');
    }
  }

  /** Requires that a logout token is neither too old nor from the future. @throws {Problem} `malformed_request` */
  requireRecent({ issuedAt, expiresAt }: VerifiedLogoutToken): void {
    const now = this.clock.now();
    if (issuedAt > now + clockTolerance) {
      throw refused('logout_token_from_the_future');
    }
    if (
      issuedAt < now - maximumAge - clockTolerance ||
      (expiresAt !== null && expiresAt <= now - clockTolerance)
    ) {
      throw refused('logout_token_over');
    }
  }

  async #selectorsOf({
    issuer,
    otherIssuers,
    sid,
    subject,
  }: LogoutNotice): Promise<readonly SessionSelector[]> {
    if (sid === null) {
      return [{ issuer, subject: subject ?? '' }];
    }
    if (subject !== null) {
      const sessions = await this.sessions.listBehind(issuer, sid);
      if (sessions.some((session) => session.subject !== subject)) {
        throw refused('logout_token_of_another_subject');
      }
    }
    return [
      { issuer, oidcSid: sid },
      // Nobody knows whether the user's sessions without a sid are behind that one.
      ...(subject === null ? [] : [{ issuer, subject, perhapsBehind: sid }]),
      ...(otherIssuers === undefined ? [] : [{ issuersFrom: otherIssuers, oidcSid: sid }]),
    ];
  }
}

function refused(detail: string): Problem {
  return new Problem('malformed_request', { reason: detail });
}
