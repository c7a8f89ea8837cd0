import { Inject, Injectable } from '@nestjs/common';
import { ApiKeysService } from '../../api-keys/api-keys.service.js';
import { AuditService } from '../../directory/audit/audit.service.js';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { Configuration } from '../../platform/config/configuration.js';
import { ScopeCatalogue } from '../../platform/features/scope.catalogue.js';
import { Problem } from '../../platform/errors/problem.error.js';
import { givenIdSchema } from '../../platform/core/id.schema.js';
import { isScopeToken } from '../../platform/core/scope.form.js';
import { withAccount } from '../../session/tokens/account-claims.js';
import { apiKeyClientId } from '../../session/guards/key-authenticator.js';
import type { Principal } from '../../session/principal.js';
import { scopeTokens, uncovered } from '../../session/guards/scopes.js';
import type { Claims } from '../../session/tokens/claims.schema.js';
import type { MintedSession } from '../../session/session-minter.js';
import { requirePolicyMet, requireVerifiedEmail } from '../../session/guards/authorization.js';
import { TokenService } from '../../session/tokens/token.service.js';
import { UsersService } from '../../directory/users/users.service.js';
import { delegate } from './actor-chain.js';
import type { ResolvedSubject } from '../../session/tokens/foreign-tokens.js';
import { ProofsOfPossession } from '../../session/tokens/proofs-of-possession.js';
import type { Granted, TokenGrant } from '../../session/tokens/token-grants.js';
import { SubjectTokenResolver } from './subject-token-resolver.js';
import { OAuthError, toRefusal } from '../../session/tokens/oauth.error.js';
import { tokenExchangeEvents } from './token-exchange-audit-events.js';
import { type ExchangeForm, exchangeFormSchema } from './token-exchange.schemas.js';
import { exchangeGrantType, tokenTypes } from '../../session/tokens/token-types.js';
import type { ClientInfo } from '../../platform/http/client-info.js';
import { isNamed } from '../../directory/users/org-reference.js';

/** The input of a token exchange. */
export interface ExchangeRequest {
  readonly form: ExchangeForm;
  /** The principal of the request's cookie. */
  readonly principal: Principal | undefined;
  readonly client: ClientInfo;
  /** Thumbprint of the key that the request proves. */
  readonly jkt: string | undefined;
}

/** Token exchange (RFC 8693): the same subject, never with more authority and never for longer. */
@Injectable()
export class TokenExchange {
  readonly #audience: string;
  readonly #requiresEmail: boolean;

  constructor(
    private readonly subjects: SubjectTokenResolver,
    private readonly users: UsersService,
    private readonly keys: ApiKeysService,
    private readonly tokens: TokenService,
    private readonly audit: AuditService,
    private readonly scopes: ScopeCatalogue,
    private readonly proofs: ProofsOfPossession,
    @Inject(CONFIGURATION) configuration: Configuration,
  ) {
    this.#audience = configuration.TOKEN_AUDIENCE;
    this.#requiresEmail = configuration.REQUIRE_VERIFIED_EMAIL;
  }

  /** Exchanges a token. @throws {OAuthError} for a refusal; {Problem} when a dependency can't be reached. */
  async exchange(request: ExchangeRequest): Promise<MintedSession> {
    const { form, client } = request;
    try {
      const { minted, subject, actor } = await this.#exchange(request);
      const { sub, sid, org } = minted.claims;
      await this.audit.record({
        type: tokenExchangeEvents.token_exchanged.type,
        userId: sub,
        sessionId: sid,
        orgId: org?.id,
        reason: `from_${subject.kind ?? kindOf(form)}`,
        ...(actor === undefined ? {} : { actor: actorOf(actor.claims) }),
        ...client,
      });
      return minted;
    } catch (error) {
      const refusal = toRefusal(error, (problem) => refused(problem, this.#audience), 'exchange_failed');
      // A refused login is already in the audit trail.
      if (form.subject_token_type !== tokenTypes.accessToken) {
        await this.#recordFailure(refusal, client, form.client_id);
      }
      throw refusal;
    }
  }

  /**
   * Exchanges what a grant of another feature gives.
   * @param body the form as it came.
   * @throws {OAuthError} for a refusal; {Problem} when a dependency can't be reached.
   */
  async grant(
    grant: TokenGrant,
    body: unknown,
    { client, jkt }: Pick<ExchangeRequest, 'client' | 'jkt'>,
  ): Promise<{ minted: MintedSession } & Pick<Granted, 'members'>> {
    const { apiKey, members } = await grant.grant(body, client).catch(async (error: unknown) => {
      // A form that is malformed is no attempt, nor is the question of a device that waits.
      const isAttempt = error instanceof OAuthError && error.code !== 'invalid_request' && !error.isPending;
      if (error instanceof Problem || isAttempt) {
        await this.#recordFailure(error, client);
      }
      throw error;
    });
    const form = exchangeFormSchema.parse({
      grant_type: exchangeGrantType,
      subject_token: apiKey,
      subject_token_type: tokenTypes.apiKey,
    });
    return { minted: await this.exchange({ form, principal: undefined, client, jkt }), members };
  }

  /** @param machine that the token was to be exchanged for, as the request names it. */
  async #recordFailure(
    { reason }: OAuthError | Problem,
    client: ClientInfo,
    machine?: string,
  ): Promise<void> {
    const { type } = tokenExchangeEvents.token_exchanged;
    const { data: id } = givenIdSchema.safeParse(machine);
    const target = id === undefined ? {} : ({ target: { kind: 'application', id } } as const);
    await this.audit.record({ type, outcome: 'failure', reason, ...target, ...client });
  }

  async #exchange({ form, principal, client, jkt }: ExchangeRequest): Promise<{
    minted: MintedSession;
    subject: ResolvedSubject;
    actor: ResolvedSubject | undefined;
  }> {
    // Checks that need no subject come first, before a login begins a session for it.
    if ([...form.audience, ...form.resource].some((target) => target !== this.#audience)) {
      throw new OAuthError('invalid_target', 'tokens are issued for TOKEN_AUDIENCE only');
    }
    const actor = await this.subjects.actor(form, jkt);
    const subject = await this.subjects.subject(form, principal, client, jkt);
    try {
      requirePolicyMet(subject.claims);
      if (this.#requiresEmail) {
        requireVerifiedEmail(subject.claims, {});
      }
      const scope = narrowed(subject.claims.scope, form.scope, this.scopes);
      const { cnf: _cnf, ...claims } = await this.#inOrg(subject, form);
      const act = delegate(claims.act, actor?.claims);
      const bound = this.proofs.claimsFor(this.#audience, jkt);
      const wanted = { ...claims, scope, ...(act === undefined ? {} : { act }), ...bound };
      const latest = Math.min(subject.latest, actor?.latest ?? Number.POSITIVE_INFINITY);
      return { minted: await this.tokens.mint(wanted, latest), subject, actor };
    } catch (error) {
      await subject.discard?.();
      throw error;
    }
  }

  /** The claims for the requested organisation. */
  async #inOrg({ claims, staysInOrg }: ResolvedSubject, { org }: ExchangeForm): Promise<Claims> {
    if (org === undefined || (claims.org !== undefined && isNamed(claims.org, org))) {
      return claims;
    }
    const moved = staysInOrg ? undefined : await this.users.findAccountIn(claims.sub, org);
    if (moved === undefined) {
      throw new OAuthError('invalid_target', 'the subject has no such organisation', 'org_not_of_subject');
    }
    const vouching = await this.keys.vouchingOrgOf({ claims });
    if (vouching !== null && vouching !== moved.org?.id) {
      throw new OAuthError(
        'invalid_target',
        'the login of the subject is by the connection of another organisation, and acts for that one alone',
        'login_by_connection',
      );
    }
    const moving = withAccount(claims, moved);
    if (moving.org === undefined) {
      throw new OAuthError(
        'invalid_target',
        'the organisation requires a second factor, which the subject has not given',
        'second_factor_missing',
      );
    }
    return moving;
  }
}

/** The requested scope. @throws {OAuthError} `invalid_scope` when it exceeds the available one. */
function narrowed(
  available: string,
  wanted: string | undefined,
  { isKnownOrForeign }: ScopeCatalogue,
): string {
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
  return type.slice(type.lastIndexOf(':') + 1);
}

/**
 * The refusal of a subject or actor: `invalid_request`, whatever the reason (RFC 8693 section 2.2.2). That a live token is for another
 * audience is stated to the one who holds it.
 */
function refused({ reason }: Problem, audience: string): OAuthError {
  const description =
    reason === 'access_token_wrong_audience'
      ? `the access token has another audience: request it with audience=${audience}`
      : 'the subject token or actor token was not accepted';
  return new OAuthError('invalid_request', description, reason);
}
