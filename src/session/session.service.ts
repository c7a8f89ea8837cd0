import { Inject, Injectable } from '@nestjs/common';
import { CONFIGURATION } from '../config/config.module.js';
import type { Configuration } from '../config/configuration.js';
import { Clock } from '../core/clock.service.js';
import { newId } from '../core/identifier.js';
import type { SessionRow } from '../database/database.schema.js';
import type { User } from '../users/identity.js';
import type { ExtraClaims } from './claims.mapper.js';
import type { Claims } from './claims.schema.js';
import { RevocationList } from './revocation.list.js';
import { SessionRepository } from './session.repository.js';
import { type MintedSession, SessionMinter } from './session.minter.js';

/** How somebody was logged in: what a session remembers of the provider's answer. */
export interface LoginEvidence {
  readonly provider: Claims['idp'];
  readonly issuer: string;
  readonly subject: string;
  readonly clientId: string;
  readonly scope: readonly string[];
  readonly amr: readonly string[];
  /** Milliseconds since the epoch; null when the provider doesn't say: the login counts then. */
  readonly authTime: number | null;
  /** The provider's own session, where it tells one. */
  readonly providerSessionId: string | null;
}

/** Sessions: their start, their tokens, their end. */
@Injectable()
export class SessionService {
  readonly #repository: SessionRepository;
  readonly #minter: SessionMinter;
  readonly #revocations: RevocationList;
  readonly #clock: Clock;
  readonly #idle: number;
  readonly #maximum: number;

  constructor(
    repository: SessionRepository,
    minter: SessionMinter,
    revocations: RevocationList,
    clock: Clock,
    @Inject(CONFIGURATION) configuration: Configuration,
  ) {
    this.#repository = repository;
    this.#minter = minter;
    this.#revocations = revocations;
    this.#clock = clock;
    this.#idle = configuration.SESSION_IDLE_TTL * 1000;
    this.#maximum = configuration.SESSION_MAX_TTL * 1000;
  }

  /**
   * Starts a session with an id of its own, never one that a caller brought along (step 10).
   * @param claims mapped ones, kept for every token of the session.
   */
  async start(user: User, evidence: LoginEvidence, claims: ExtraClaims): Promise<MintedSession> {
    const now = this.#clock.now();
    const row: SessionRow = {
      id: newId(),
      user_id: user.id,
      provider: evidence.provider,
      provider_session_id: evidence.providerSessionId,
      issuer: evidence.issuer,
      subject: evidence.subject,
      client_id: evidence.clientId,
      scope: evidence.scope.join(' '),
      amr: evidence.amr.join(' '),
      claims: JSON.stringify(claims),
      auth_time: evidence.authTime ?? now,
      created_at: now,
      renewed_at: now,
      ended_at: null,
      end_reason: null,
    };
    const minted = await this.#minter.mint(user, row);
    await this.#repository.insert(row);
    return minted;
  }

  /** Mints another token for a session that is known to be live. */
  async mint(user: User, row: SessionRow): Promise<MintedSession> {
    return this.#minter.mint(user, row);
  }

  /** The session, when it's stored, not ended, and within both of its limits. */
  async findLive(id: string): Promise<SessionRow | undefined> {
    const row = await this.#repository.find(id);
    const now = this.#clock.now();
    const live =
      row !== undefined &&
      row.ended_at === null &&
      now < row.created_at + this.#maximum &&
      now < row.renewed_at + this.#idle;
    return live ? row : undefined;
  }

  /** Marks a renewal. @returns false when the session was ended meanwhile. */
  async markRenewed(id: string): Promise<boolean> {
    return this.#repository.markRenewed(id);
  }

  /** Ends a session: at once here, within seconds on every other replica. @returns whether it was live. */
  async end(id: string, reason: string): Promise<boolean> {
    this.#revocations.add(id);
    return this.#repository.end(id, reason);
  }

  /** Whether the session of a verified token has ended; from memory. */
  isEnded(id: string): boolean {
    return this.#revocations.has(id);
  }

  /** When the session of these claims began and when it ends if it isn't used again; from the claims alone. */
  limitsOf(claims: Claims): { createdAt: string; expiresAt: string } {
    const createdAt = millisecondsOf(claims.sid);
    const expiresAt = Math.min(claims.iat * 1000 + this.#idle, createdAt + this.#maximum);
    return { createdAt: new Date(createdAt).toISOString(), expiresAt: new Date(expiresAt).toISOString() };
  }
}

/** The moment in a UUID v7: its first 48 bits are milliseconds since the epoch (RFC 9562 section 5.7). */
function millisecondsOf(id: string): number {
  return Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16);
}
