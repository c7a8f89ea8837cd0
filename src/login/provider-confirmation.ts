import { Injectable, Logger } from '@nestjs/common';
import { AuditService } from '../directory/audit/audit.service.js';
import { Clock } from '../platform/time/clock.service.js';
import { Problem } from '../platform/errors/problem.error.js';
import type { SessionRow } from '../platform/database/database.schema.js';
import { SessionCookie } from '../session/cookie/session-cookie.js';
import { SessionService } from '../session/session.service.js';
import type { Account } from '../directory/users/account.query.js';
import type { User } from '../directory/users/identity.js';
import { OrgAutoJoin } from '../accounts/org-auto-join.port.js';
import { AccountFacts } from '../accounts/account-facts.service.js';
import { AuthStrategy, type ReportedIdentity } from '../auth-strategy/auth.strategy.js';
import type { ClientInfo } from '../platform/http/client-info.js';

/** Milliseconds for which a session may continue while its provider can't be asked, since the last confirmed renewal: one hour. */
const graceMilliseconds = 3_600_000;

/** The result of asking a provider about a session. */
export interface Confirmation {
  /** Whether the provider confirmed it; false during the grace period. */
  readonly isConfirmed: boolean;
  /** Whether the user must be read again. */
  readonly hasChanged: boolean;
  /** The session as it is now: without its second factor, if the user has removed that. */
  readonly session: SessionRow;
  /** All that the provider reports about the person, for {@link ProviderConfirmation.remap}; undefined if it has said nothing. */
  readonly profile: Readonly<Record<string, unknown>> | undefined;
}

/** Asks the provider at a renewal whether its session is still live, and for the person's current data. */
@Injectable()
export class ProviderConfirmation {
  readonly #logger = new Logger(ProviderConfirmation.name);

  constructor(
    private readonly strategy: AuthStrategy,
    private readonly sessions: SessionService,
    private readonly facts: AccountFacts,
    private readonly orgs: OrgAutoJoin,
    private readonly audit: AuditService,
    private readonly clock: Clock,
    private readonly cookie: SessionCookie,
  ) {}

  /**
   * Asks the provider about a session.
   * @param account of the session's user, read before.
   * @throws {Problem} `unauthenticated` when the provider has ended its session, `provider_unavailable` after the grace period.
   */
  async confirm(
    session: SessionRow,
    { user, isAdministrator }: Account,
    client: ClientInfo,
  ): Promise<Confirmation> {
    const found = await this.strategy.sessionState(session);
    if (found.state === 'alive') {
      const { identity } = found;
      const isByOrg = identity?.membership !== undefined;
      // Of an administrator, an organisation states nothing: the caller ends such a session.
      const isAccepted = identity !== undefined && !(isByOrg && isAdministrator);
      const hasFollowed = isAccepted && (await this.#follow(session, user, identity, client));
      const hasMoved = isAccepted && (await this.#join(user, identity, client));
      const kept = found.hasLostFactor === true ? await this.sessions.loseFactor(session) : session;
      const hasChanged = hasFollowed || hasMoved;
      return { isConfirmed: true, hasChanged, session: kept, profile: found.profile };
    }
    await (found.state === 'ended' ? this.end(session, found.reason) : this.#grant(session));
    return { isConfirmed: false, hasChanged: false, session, profile: undefined };
  }

  /** Applies the person's current data. A failure logs no user out: it is tried again at the next renewal. */
  async #follow(
    session: SessionRow,
    user: User,
    reported: ReportedIdentity,
    client: ClientInfo,
  ): Promise<boolean> {
    if (reported.issuer !== session.issuer || reported.subject !== session.subject) {
      return false;
    }
    const { email, emailVerified, name, picture } = user;
    const identity = { email, emailVerified, name, picture, ...reported };
    const login = { providerSession: session.provider_session_id, session: session.id };
    try {
      return await this.facts.follow(user, identity, login, client);
    } catch (error) {
      this.#logger.warn('what the provider says of a person could not be taken over', {
        reason: 'facts_not_followed',
        err: error,
      });
      return true;
    }
  }

  /**
   * Takes over what `CLAIMS_MAP` picks from the profile. Claims that no token can have, or no cookie, log nobody out: the former ones stay.
   * @param account for which the next token is minted: its name and picture are in the same cookie. @returns the session as it is now.
   */
  async remap(
    account: Account,
    { session, profile }: Pick<Confirmation, 'session' | 'profile'>,
  ): Promise<SessionRow> {
    try {
      return profile === undefined
        ? session
        : await this.sessions.remap(account, session, profile, (token) => this.cookie.requireFit(token));
    } catch (error) {
      if (!(error instanceof Problem && ['claims_rejected', 'session_too_large'].includes(error.code))) {
        throw error;
      }
      this.#logger.warn('what the provider says of a person could not be taken over', {
        reason: 'claims_not_followed',
        err: error,
      });
      return session;
    }
  }

  /** Applies the role that the groups give in the organisation whose connection it is. @returns whether it has changed. */
  async #join(user: User, reported: ReportedIdentity, client: ClientInfo): Promise<boolean> {
    return (
      reported.membership !== undefined && this.orgs.joinByConnection(user.id, reported.membership, client)
    );
  }

  /** Ends a session for which nobody vouches any more. @throws {Problem} `unauthenticated` */
  async end(session: SessionRow, reason = 'provider_session_ended'): Promise<never> {
    await this.sessions.end({ id: session.id }, reason);
    await this.audit.record({
      type: 'session_ended',
      userId: session.user_id,
      sessionId: session.id,
      reason,
    });
    throw new Problem('unauthenticated', { reason });
  }

  async #grant(session: SessionRow): Promise<void> {
    if (this.clock.now() > session.renewed_at + graceMilliseconds) {
      throw new Problem('provider_unavailable', { reason: 'renewal_grace_over' });
    }
    await this.audit.record({
      type: 'renewal_grace',
      userId: session.user_id,
      sessionId: session.id,
      reason: 'provider_unreachable',
    });
  }
}
