import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import { CONFIGURATION } from '../platform/config/config.module.js';
import type { Configuration } from '../platform/config/configuration.js';
import { Database, type SessionRow } from '../platform/database/database.schema.js';
import { isFreeClaimName } from '../platform/config/claims-map.parser.js';
import { Problem } from '../platform/errors/problem.error.js';
import type { Account } from '../directory/users/account.query.js';
import { vouchingOrgOf } from '../directory/users/vouching-rules.js';
import { accountClaims, scopeFor } from './tokens/account-claims.js';
import { ClaimsEnricher } from './tokens/claims-enricher.js';
import { parseExtraClaims } from './tokens/claims.mapper.js';
import { type Claims, claimsSchema } from './tokens/claims.schema.js';
import { fullScope, scopeTokens } from './guards/scopes.js';
import { type TokenSubject, TokenService } from './tokens/token.service.js';

const storedClaimsSchema = z.record(z.string(), z.unknown());

/** A freshly minted token of a session. */
export interface MintedSession {
  readonly token: string;
  readonly claims: Claims;
}

/** The bounds of a session's token. */
export interface MintBounds {
  /** `TOKEN_AUDIENCE`, unless it is for a host of applications. */
  readonly audience?: string;
  /**
   * Claims of the token that it is made from, where the provider isn't asked, nor who vouches for the user: it lives no longer, and
   * what outdates that one outdates it too (docs/adr/0007).
   */
  readonly source?: Pick<Claims, 'exp' | 'jti'>;
}

/** Mints the tokens of a session: its user, the authentication context, mapped claims, and the application's own claims. */
@Injectable()
export class SessionMinter {
  readonly #maximum: number;

  constructor(
    private readonly tokens: TokenService,
    private readonly enricher: ClaimsEnricher,
    private readonly database: Database,
    @Inject(CONFIGURATION) configuration: Configuration,
  ) {
    this.#maximum = configuration.SESSION_MAX_TTL;
  }

  /**
   * Mints a token for a live session.
   * @throws {Problem} `unauthenticated` when it would act for another organisation than the one whose connection the session began by;
   *   `claims_rejected` when the enricher adds an invalid claim.
   */
  async mint(
    account: Account,
    row: SessionRow,
    { audience, source }: MintBounds = {},
  ): Promise<MintedSession> {
    await this.#requireVouched(account, row);
    const scope = scopeTokens(row.scope);
    const added = await this.enricher.enrich({
      user: account.user,
      sessionId: row.id,
      clientId: row.client_id,
      scope,
    });
    const stored = storedClaimsSchema.parse(JSON.parse(row.claims));
    const login = {
      amr: row.amr.split(' ').filter((method) => method !== ''),
      acr: row.acr === 'aal2' ? 'aal2' : 'aal1',
    } as const;
    const ofAccount = accountClaims(account, login, source);
    const known: TokenSubject = {
      sid: row.id,
      auth_time: Math.floor(row.auth_time / 1000),
      ...login,
      idp: claimsSchema.shape.idp.parse(row.provider),
      idp_sub: row.subject,
      client_id: row.client_id,
      scope: scopeFor([...scope, fullScope].join(' '), ofAccount),
      ...ofAccount,
    };
    const endOfSession = Math.floor(row.created_at / 1000) + this.#maximum;
    // A name that a newer version has reserved isn't the application's any more.
    const kept = Object.fromEntries(Object.entries(stored).filter(([name]) => isFreeClaimName(name)));
    const claims = { ...parseExtraClaims({ ...kept, ...added }), ...known };
    const latest = Math.min(endOfSession, source?.exp ?? Number.POSITIVE_INFINITY);
    return this.tokens.mint(claims, latest, audience);
  }

  async #requireVouched({ org }: Account, { issuer }: SessionRow): Promise<void> {
    const vouching = org === null ? null : await vouchingOrgOf(this.database.query, issuer);
    if (vouching !== null && vouching !== org?.id) {
      throw new Problem('unauthenticated', { reason: 'member_elsewhere' });
    }
  }
}
