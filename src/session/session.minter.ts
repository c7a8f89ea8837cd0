import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import { CONFIGURATION } from '../platform/config/config.module.js';
import type { Configuration } from '../platform/config/configuration.js';
import type { SessionRow } from '../platform/database/database.schema.js';
import type { Account } from '../directory/users/account.query.js';
import { accountClaims, scopeFor } from './tokens/account.claims.js';
import { ClaimsEnricher } from './tokens/claims.enricher.js';
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

/** Mints the tokens of a session: its user, the authentication context, mapped claims, and the application's own claims. */
@Injectable()
export class SessionMinter {
  readonly #tokens: TokenService;
  readonly #enricher: ClaimsEnricher;
  readonly #maximum: number;

  constructor(
    tokens: TokenService,
    enricher: ClaimsEnricher,
    @Inject(CONFIGURATION) configuration: Configuration,
  ) {
    this.#maximum = configuration.SESSION_MAX_TTL;
    this.#tokens = tokens;
    this.#enricher = enricher;
  }

  /** Mints a token for a live session. @param audience `TOKEN_AUDIENCE`, unless it is for a protected host. @throws {Problem} `claims_rejected` when the enricher adds an invalid claim. */
  async mint(account: Account, row: SessionRow, audience?: string): Promise<MintedSession> {
    const scope = scopeTokens(row.scope);
    const added = await this.#enricher.enrich({
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
    const ofAccount = accountClaims(account, login);
    const known: TokenSubject = {
      sid: row.id,
      auth_time: Math.floor(row.auth_time / 1000),
      ...login,
      idp: claimsSchema.shape.idp.parse(row.provider),
      client_id: row.client_id,
      scope: scopeFor([...scope, fullScope].join(' '), ofAccount),
      ...ofAccount,
    };
    const endOfSession = Math.floor(row.created_at / 1000) + this.#maximum;
    const claims = { ...parseExtraClaims({ ...stored, ...added }), ...known };
    return this.#tokens.mint(claims, endOfSession, audience);
  }
}
