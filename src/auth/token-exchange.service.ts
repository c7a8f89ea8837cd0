import { Inject, Injectable } from '@nestjs/common';
import { AuditService } from '../audit/audit.service.js';
import { CONFIGURATION } from '../config/config.module.js';
import type { Configuration } from '../config/configuration.js';
import { Problem } from '../core/problem.error.js';
import { isScopeToken } from '../core/scope.form.js';
import { withAccount } from '../session/account.claims.js';
import { apiKeyClientId } from '../session/key.authenticator.js';
import type { Principal } from '../session/principal.js';
import { isKnownOrForeign, scopeTokens, uncovered } from '../session/scopes.js';
import type { Claims } from '../session/claims.schema.js';
import type { MintedSession } from '../session/session.minter.js';
import { requireVerifiedEmail } from '../session/verified.email.guard.js';
import { TokenService } from '../session/token.service.js';
import { UsersService } from '../users/users.service.js';
import { delegate } from './actor.chain.js';
import type { RequestOrigin } from './auth.service.js';
import { ExchangeParties, type ExchangeParty } from './exchange.parties.js';
import { OAuthError } from './oauth.error.js';
import { type ExchangeForm, tokenTypes } from './token-exchange.schemas.js';

/** What a token exchange is asked with. */
export interface ExchangeRequest {
  readonly form: ExchangeForm;
  /** Of the request's cookie. */
  readonly principal: Principal | undefined;
  readonly origin: RequestOrigin;
}

/** Token exchange (RFC 8693): the same subject, never with more authority and never for longer. */
@Injectable()
export class TokenExchange {
  readonly #parties: ExchangeParties;
  readonly #users: UsersService;
  readonly #tokens: TokenService;
  readonly #audit: AuditService;
  readonly #audience: string;
  readonly #requiresEmail: boolean;

  constructor(
    parties: ExchangeParties,
    users: UsersService,
    tokens: TokenService,
    audit: AuditService,
    @Inject(CONFIGURATION) configuration: Configuration,
  ) {
    this.#parties = parties;
    this.#users = users;
    this.#tokens = tokens;
    this.#audit = audit;
    this.#audience = configuration.TOKEN_AUDIENCE;
    this.#requiresEmail = configuration.REQUIRE_VERIFIED_EMAIL;
  }

  /** @throws {OAuthError} for what is refused; {Problem} when something can't be reached. */
  async exchange(request: ExchangeRequest): Promise<MintedSession> {
    const { form, origin } = request;
    try {
      const { minted, actor } = await this.#exchange(request);
      const { sub, sid, org } = minted.claims;
      await this.#audit.record({
        type: 'token_exchanged',
        userId: sub,
        sessionId: sid,
        orgId: org?.id,
        reason: kindOf(form),
        ...(actor === undefined ? {} : { actor: actorOf(actor.claims) }),
        ...origin,
      });
      return minted;
    } catch (error) {
      const refusal = toRefusal(error);
      // A refused login is in the trail already.
      if (form.subject_token_type !== tokenTypes.accessToken) {
        const { reason } = refusal;
        await this.#audit.record({ type: 'token_exchanged', outcome: 'failure', reason, ...origin });
      }
      throw refusal;
    }
  }

  async #exchange({
    form,
    principal,
    origin,
  }: ExchangeRequest): Promise<{ minted: MintedSession; actor: ExchangeParty | undefined }> {
    // What can be refused without the subject is, before a login begins a session for it.
    if ([...form.audience, ...form.resource].some((target) => target !== this.#audience)) {
      throw new OAuthError('invalid_target', 'tokens are issued for TOKEN_AUDIENCE only');
    }
    const actor = await this.#parties.actor(form);
    const subject = await this.#parties.subject(form, principal, origin);
    try {
      if (this.#requiresEmail) {
        requireVerifiedEmail(subject.claims, {});
      }
      const scope = narrowed(subject.claims.scope, form.scope);
      const claims = await this.#inOrg(subject, form);
      const act = delegate(claims.act, actor?.claims);
      const wanted = { ...claims, scope, ...(act === undefined ? {} : { act }) };
      const latest = Math.min(subject.latest, actor?.latest ?? Number.POSITIVE_INFINITY);
      return { minted: await this.#tokens.mint(wanted, latest), actor };
    } catch (error) {
      await subject.discard?.();
      throw error;
    }
  }

  /** The claims for the wanted organisation. */
  async #inOrg({ claims, staysInOrg }: ExchangeParty, { org }: ExchangeForm): Promise<Claims> {
    if (org === undefined || org === claims.org?.id || org === claims.org?.slug) {
      return claims;
    }
    const moved = staysInOrg ? undefined : await this.#users.findAccountIn(claims.sub, org);
    if (moved === undefined) {
      throw new OAuthError('invalid_target', 'the subject has no such organisation', 'org_not_of_subject');
    }
    return withAccount(claims, moved);
  }
}

/** @throws {OAuthError} `invalid_scope` when more is wanted than there is. */
function narrowed(available: string, wanted: string | undefined): string {
  if (wanted === undefined) {
    return available;
  }
  const tokens = [...new Set(scopeTokens(wanted))];
  const had = scopeTokens(available);
  const known = tokens.every(
    (token) => had.includes(token) || (isScopeToken(token) && isKnownOrForeign(token)),
  );
  if (tokens.length === 0 || !known || uncovered(available, tokens).length > 0) {
    throw new OAuthError('invalid_scope', 'the scope is unknown, malformed, or more than the subject has');
  }
  return tokens.join(' ');
}

function actorOf({ sub, client_id: clientId }: Claims) {
  const credential: 'api_key' | 'bearer' = clientId === apiKeyClientId ? 'api_key' : 'bearer';
  return { id: sub, credential };
}

function kindOf({ subject_token_type: type }: ExchangeForm): string {
  return `from_${type.slice(type.lastIndexOf(':') + 1)}`;
}

/** RFC 8693 section 2.2.2: a subject or actor that isn't accepted, for whatever reason, is `invalid_request`. */
function toRefusal(error: unknown): OAuthError | Problem {
  if (error instanceof OAuthError) {
    return error;
  }
  if (error instanceof Problem) {
    return error.definition.status >= 500
      ? error
      : new OAuthError('invalid_request', 'the subject token or actor token was not accepted', error.reason);
  }
  return new Problem('internal_error', { reason: 'exchange_failed', cause: error });
}
