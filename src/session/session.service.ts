import { Inject, Injectable } from '@nestjs/common';
import { toTimestamp } from '../platform/time/timestamp.schema.js';
import { CONFIGURATION } from '../platform/config/config.module.js';
import type { Configuration } from '../platform/config/configuration.js';
import { Clock } from '../platform/time/clock.service.js';
import type { TransactionPart } from '../platform/database/transaction-part.js';
import { timestampOf, newId } from '../platform/core/identifier.js';
import type { SessionRow } from '../platform/database/database.schema.js';
import { Problem } from '../platform/errors/problem.error.js';
import type { Account } from '../directory/users/account.query.js';
import type { ClaimRule } from '../platform/config/claims-map.parser.js';
import { type ExtraClaims, mapClaims } from './tokens/claims.mapper.js';
import type { Claims } from './tokens/claims.schema.js';
import { RevocationService } from './revocation/revocation.service.js';
import { type Page, type PageQuery, decodeCursor, toPage } from '../platform/http/page-cursor.js';
import { givenIdSchema } from '../platform/core/id.schema.js';
import {
  type SessionSelector,
  type SessionsOfUser,
  SessionRepository,
  type SessionClient,
} from './store/session.repository.js';
import { ProviderEnds, endedNamesFor, endedNamesOf, nameOfUser } from './store/provider-ends.js';
import { scopeTokens } from './guards/scopes.js';
import { type MintBounds, type MintedSession, SessionMinter } from './session-minter.js';

const endedByProvider = 'provider_session_ended';

/** How a user logged in: what a session keeps of the provider's answer. */
export interface AuthenticationContext {
  readonly provider: Claims['idp'];
  readonly issuer: string;
  readonly subject: string;
  readonly clientId: string;
  readonly scope: readonly string[];
  readonly amr: readonly string[];
  /** `aal2` when a second factor was given, `aal1` when the provider doesn't report it. */
  readonly acr: 'aal1' | 'aal2';
  /** When credentials were given, in milliseconds; null if the provider doesn't report it: never recent. */
  readonly authTime: number | null;
  /** The provider's own session, if the provider names it. */
  readonly providerSessionId: string | null;
  /** The `sid` of the provider's logout tokens, if the provider names it. */
  readonly oidcSid: string | null;
}

/** What a session is started with besides its account and its evidence. */
export interface SessionStart {
  /** When the exchange of the provider's answer began, in milliseconds since the epoch. Default: now. */
  readonly begunAt?: number | undefined;
  /** Called with the first token before the session is stored; if it throws, there is no session. */
  readonly check?: (minted: MintedSession) => void;
}

/** Starts and ends sessions, and mints their tokens. */
@Injectable()
export class SessionService {
  readonly #idle: number;
  readonly #maximum: number;
  readonly #claimRules: readonly ClaimRule[];

  constructor(
    private readonly repository: SessionRepository,
    private readonly minter: SessionMinter,
    private readonly revocations: RevocationService,
    private readonly ends: ProviderEnds,
    private readonly clock: Clock,
    @Inject(CONFIGURATION) configuration: Configuration,
  ) {
    this.#idle = configuration.SESSION_IDLE_TTL * 1000;
    this.#maximum = configuration.SESSION_MAX_TTL * 1000;
    this.#claimRules = configuration.CLAIMS_MAP;
  }

  /**
   * Starts a session with an id of its own, never one that a caller sent (step 10).
   * @param claims mapped ones, kept for every token of the session.
   * @throws {Problem} `unauthenticated` when the provider has ended it since the login began.
   */
  async start(
    account: Account,
    evidence: AuthenticationContext,
    claims: ExtraClaims,
    client: SessionClient,
    { begunAt, check }: SessionStart = {},
  ): Promise<MintedSession> {
    const now = this.clock.now();
    const row: SessionRow = {
      id: newId(now),
      user_id: account.user.id,
      provider: evidence.provider,
      provider_session_id: evidence.providerSessionId,
      oidc_sid: evidence.oidcSid,
      issuer: evidence.issuer,
      subject: evidence.subject,
      client_id: evidence.clientId,
      scope: evidence.scope.join(' '),
      amr: evidence.amr.join(' '),
      acr: evidence.acr,
      claims: JSON.stringify(claims),
      // A login doesn't show when credentials were given: the provider may have recognised the user without asking.
      auth_time: Math.min(evidence.authTime ?? 0, now),
      created_at: now,
      renewed_at: now,
      org_id: account.org?.id ?? null,
      user_agent: client.userAgent,
      remote_address: client.remoteAddress,
      last_seen_at: now,
      ended_at: null,
      end_reason: null,
    };
    const minted = await this.minter.mint(account, row);
    check?.(minted);
    await this.repository.insert(row);
    if (await this.ends.reach(endedNamesFor(row), begunAt ?? now)) {
      await this.end({ id: row.id }, endedByProvider);
      throw new Problem('unauthenticated', { reason: endedByProvider });
    }
    return minted;
  }

  /** Mints another token for a session that is known to be live: from one of its tokens, or once a renewal has confirmed it. */
  async mint(account: Account, row: SessionRow, bounds: MintBounds): Promise<MintedSession> {
    return this.minter.mint(account, row, bounds);
  }

  /** The session, if it is stored, not ended, and within both of its limits. */
  async findLive(id: string): Promise<SessionRow | undefined> {
    const row = await this.repository.find(id);
    return row !== undefined && row.ended_at === null && this.#isWithinLimits(row) ? row : undefined;
  }

  /** Whether any user may be logged in. */
  async hasLive(): Promise<boolean> {
    return this.repository.hasOpen(this.clock.now() - this.#maximum);
  }

  /** A page of a user's live sessions, newest first. @throws {Problem} `validation_failed` for a cursor of another list. */
  async listLive(userId: string, { limit, cursor }: PageQuery): Promise<Page<SessionRow>> {
    const before = decodeCursor(givenIdSchema, cursor);
    const now = this.clock.now();
    const after = { begun: now - this.#maximum, renewed: now - this.#idle };
    const rows = await this.repository.listOf(userId, after, limit + 1, before);
    const { items, nextCursor } = toPage(
      rows,
      limit,
      (row) => row,
      ({ id }) => id,
    );
    return { items: items.filter((row) => this.#isWithinLimits(row)), nextCursor };
  }

  /** Some of a user's sessions that have ended since a moment (milliseconds) and have a name at the provider. @param after id of the last one of before. */
  async listEnded(userId: string, since: number, limit: number, after: string): Promise<SessionRow[]> {
    return this.repository.listEnded(userId, since, limit, after);
  }

  /** The sessions behind one session at the provider that haven't been ended. */
  async listBehind(issuer: string, oidcSid: string): Promise<SessionRow[]> {
    return this.repository.listBehind(issuer, oidcSid);
  }

  /** Records a renewal, and whether the provider confirmed its session. @returns false when the session has ended. */
  async markUsed(id: string, client: SessionClient, confirmed: boolean): Promise<boolean> {
    return this.repository.markUsed(id, client, confirmed);
  }

  /** Takes the second factor from a session whose user has removed it. @returns the session as it is now. */
  async loseFactor(session: SessionRow): Promise<SessionRow> {
    const amr = session.amr.split(' ').filter((method) => method !== 'mfa');
    return this.repository.setLogin(session, { amr: amr.join(' '), acr: 'aal1' });
  }

  /**
   * Maps the claims of a session again, from all that its provider reports about the person now.
   * @param check gets a token with them before they are stored, and may refuse it.
   * @returns the session as it is now. @throws {Problem} `claims_rejected`; what the check throws, and then nothing has changed.
   */
  async remap(
    account: Account,
    session: SessionRow,
    profile: Readonly<Record<string, unknown>>,
    check: (token: string) => void,
  ): Promise<SessionRow> {
    const claims = JSON.stringify(mapClaims(this.#claimRules, profile, scopeTokens(session.scope)));
    if (claims === session.claims) {
      return session;
    }
    check((await this.mint(account, { ...session, claims }, {})).token);
    return this.repository.setLogin(session, { claims });
  }

  /** Sets the organisation that a live session acts for; its next token states it. @returns nothing when the session has ended. */
  async chooseOrg(id: string, orgId: string): Promise<SessionRow | undefined> {
    return (await this.findLive(id)) === undefined ? undefined : this.repository.setOrg(id, orgId);
  }

  /** Ends sessions: at once here, within seconds on every other replica. @returns the sessions that were live until now. */
  async end(which: SessionSelector, reason: string): Promise<SessionRow[]> {
    const names = endedNamesOf(which);
    if (names.length > 0) {
      await this.ends.note(names, 'begunBy' in which ? which.begunBy : undefined);
    }
    return this.revocations.endSessions(which, reason);
  }

  /**
   * Ends all sessions of a user but those that stay, in the same way.
   * @param within is done in their transaction. @returns ids of the sessions that were live until now.
   */
  async endAll(which: SessionsOfUser, reason: string, within?: TransactionPart): Promise<readonly string[]> {
    return this.revocations.endSessionsOf(which, reason, within);
  }

  /** Ends the logins of a user that are under way: their sessions aren't there yet. Call it before their sessions are ended. */
  async endLogins(userId: string): Promise<void> {
    await this.ends.note([nameOfUser(userId)]);
  }

  /** When the session of these claims began, and when it ends if it isn't used again; from the claims alone. */
  limitsOf(claims: Claims): { createdAt: string; expiresAt: string } {
    return this.#limits(timestampOf(claims.sid), claims.iat * 1000);
  }

  /** The same for a stored session. */
  limitsOfRow(row: SessionRow): { createdAt: string; expiresAt: string } {
    return this.#limits(row.created_at, row.renewed_at);
  }

  #limits(createdAt: number, renewedAt: number): { createdAt: string; expiresAt: string } {
    const expiresAt = Math.min(renewedAt + this.#idle, createdAt + this.#maximum);
    return { createdAt: toTimestamp(createdAt), expiresAt: toTimestamp(expiresAt) };
  }

  #isWithinLimits(row: SessionRow): boolean {
    const now = this.clock.now();
    return (
      !this.revocations.isSessionOver(row.id) &&
      now < row.created_at + this.#maximum &&
      now < row.renewed_at + this.#idle
    );
  }
}
