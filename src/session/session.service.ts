import { Inject, Injectable } from '@nestjs/common';
import { CONFIGURATION } from '../config/config.module.js';
import type { Configuration } from '../config/configuration.js';
import { Clock } from '../core/clock.service.js';
import { newId } from '../core/identifier.js';
import type { SessionRow } from '../database/database.schema.js';
import type { User } from '../users/identity.js';
import type { Claims } from './claims.schema.js';
import { RevocationList } from './revocation.list.js';
import { SessionRepository } from './session.repository.js';
import { TokenService } from './token.service.js';

/** How somebody was logged in: what a session remembers of the provider's answer. */
export interface LoginEvidence {
  readonly provider: Claims['idp'];
  readonly issuer: string;
  readonly subject: string;
  readonly clientId: string;
  readonly scope: readonly string[];
  readonly amr: readonly string[];
  /** Milliseconds since the epoch. */
  readonly authTime: number;
  /** The provider's own session, where it tells one. */
  readonly providerSessionId: string | null;
}

/** A freshly minted token of a session. */
export interface MintedSession {
  readonly token: string;
  readonly claims: Claims;
}

/** Sessions: their start, their tokens, their end. */
@Injectable()
export class SessionService {
  readonly #repository: SessionRepository;
  readonly #tokens: TokenService;
  readonly #revocations: RevocationList;
  readonly #clock: Clock;
  readonly #idle: number;
  readonly #maximum: number;

  constructor(
    repository: SessionRepository,
    tokens: TokenService,
    revocations: RevocationList,
    clock: Clock,
    @Inject(CONFIGURATION) configuration: Configuration,
  ) {
    this.#repository = repository;
    this.#tokens = tokens;
    this.#revocations = revocations;
    this.#clock = clock;
    this.#idle = configuration.SESSION_IDLE_TTL * 1000;
    this.#maximum = configuration.SESSION_MAX_TTL * 1000;
  }

  /** Starts a session with an id of its own, never one that a caller brought along (step 10). */
  async start(user: User, evidence: LoginEvidence): Promise<MintedSession> {
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
      auth_time: evidence.authTime,
      created_at: now,
      renewed_at: now,
      ended_at: null,
      end_reason: null,
    };
    const minted = await this.mint(user, row, evidence.provider);
    await this.#repository.insert(row);
    return minted;
  }

  /** Mints a token for a session that is known to be live. */
  async mint(user: User, row: SessionRow, provider: Claims['idp']): Promise<MintedSession> {
    return this.#tokens.mint({
      sub: user.id,
      sid: row.id,
      auth_time: Math.floor(row.auth_time / 1000),
      amr: row.amr.split(' ').filter((method) => method !== ''),
      idp: provider,
      client_id: row.client_id,
      scope: row.scope,
      email_verified: user.emailVerified,
      ...(user.email === null ? {} : { email: user.email }),
      ...(user.name === null ? {} : { name: user.name }),
      ...(user.picture === null ? {} : { picture: user.picture }),
    });
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
