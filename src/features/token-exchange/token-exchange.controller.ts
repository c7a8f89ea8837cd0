import { Body, Inject, Req, Res } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiResponse } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { RateLimits } from '../../directory/rate-limit/rate-limits.js';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { Configuration } from '../../platform/config/configuration.js';
import { Problem } from '../../platform/errors/problem.error.js';
import { UnreadableAs, asOAuthError } from '../../platform/http/unreadable-body.js';
import { Clock } from '../../platform/time/clock.service.js';
import { CurrentUser, OptionalSession } from '../../session/guards/access.decorators.js';
import { ApiController, ApiRoute } from '../../session/guards/api-route.js';
import type { Principal } from '../../session/principal.js';
import type { MintedSession } from '../../session/session-minter.js';
import { AuthorizationServer } from '../../session/discovery/authorization-server.js';
import {
  assertionGrantType,
  codeGrantType,
  exchangeGrantType,
  tokenTypes,
} from '../../session/tokens/token-types.js';
import { ProofsOfPossession } from '../../session/tokens/proofs-of-possession.js';
import { TokenGrants } from '../../session/tokens/token-grants.js';
import { OAuthError, invalidForm } from '../../session/tokens/oauth.error.js';
import { RateLimited } from '../../session/guards/rate-limited.decorators.js';
import {
  exchangeAnswerSchema,
  exchangeErrorSchema,
  exchangeFormProperties,
  exchangeFormSchema,
  grantSchema,
} from './token-exchange.schemas.js';
import { TokenExchange } from './token-exchange.service.js';
import { clientInfoOf } from '../../platform/http/client-info.js';

const clientSchema = z.looseObject({ client_id: z.string() });
const errorSchema = z.looseObject({ error: z.string() });
/** The grants of which requests may be for the login provider. */
const providerGrants: ReadonlySet<string> = new Set([assertionGrantType, codeGrantType, 'refresh_token']);

type Answer = z.output<typeof exchangeAnswerSchema>;
type Refusal = z.output<typeof exchangeErrorSchema>;

/** The token endpoint: exchanges a caller's credential for an augmented bearer token (RFC 8693). */
@ApiController('auth/token', { tag: 'auth', credentials: [] })
export class TokenExchangeController {
  readonly #publicHost: string;

  constructor(
    private readonly exchanges: TokenExchange,
    private readonly grants: TokenGrants,
    private readonly limits: RateLimits,
    private readonly proofs: ProofsOfPossession,
    private readonly authorizationServer: AuthorizationServer,
    private readonly clock: Clock,
    @Inject(CONFIGURATION) { PUBLIC_URL }: Configuration,
  ) {
    this.#publicHost = new URL(PUBLIC_URL).host.toLowerCase();
  }

  @ApiRoute('POST', '', {
    summary: 'Get a bearer token',
    description:
      'OAuth token endpoint. Token exchange (RFC 8693): an access token of the login provider, an API key, a token of this gateway, a token of a trusted workload (with `client_id`) or the session of the cookie is exchanged for a token to send as `Authorization: Bearer`, optionally with less scope or for another organisation. With a proof in the header `DPoP` (RFC 9449), the token is bound to its key, where `DPOP_AUDIENCES` has its audience. `authorization_code` exchanges the code of a command-line login. A client of a protected resource (`PROTECTED_RESOURCES`) uses `authorization_code` and `refresh_token`, as in RFC 6749 and RFC 8707.',
    answer: { description: 'The issued token.', schema: exchangeAnswerSchema },
    problems: ['unsupported_media_type', 'rate_limited', 'provider_misconfigured', 'provider_unavailable'],
  })
  @UnreadableAs(asOAuthError)
  @OptionalSession()
  @RateLimited('token-address')
  @ApiConsumes('application/x-www-form-urlencoded')
  @ApiBody({
    schema: {
      type: 'object',
      required: ['grant_type'],
      properties: exchangeFormProperties,
      example: { grant_type: exchangeGrantType, subject_token_type: tokenTypes.session },
    },
  })
  @ApiResponse({
    status: 400,
    description: 'The request is refused: an OAuth error (RFC 6749, section 5.2; RFC 8693, section 2.2.2).',
    standardSchema: exchangeErrorSchema,
  })
  async exchange(
    @Body() body: unknown,
    @CurrentUser({ optional: true }) principal: Principal | undefined,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<unknown> {
    // RFC 6749 section 5.1, with the header for old caches as well.
    void reply.headers({ 'cache-control': 'no-store', pragma: 'no-cache' });
    try {
      const passedOn = this.#isOfProvider(body)
        ? await this.authorizationServer.grant(request, body)
        : undefined;
      if (passedOn !== undefined) {
        if (errorSchema.safeParse(passedOn.body).data?.error === 'use_dpop_nonce') {
          this.limits.excuse(request);
        }
        void reply.code(passedOn.status).headers(passedOn.headers);
        return passedOn.body;
      }
      return await this.#grant(body, principal, request, await this.proofs.keyOf(request, reply));
    } catch (error) {
      if (!(error instanceof OAuthError)) {
        throw error;
      }
      if (error.code === 'authorization_pending') {
        // One that asks too often is counted.
        this.limits.excuse(request);
      } else if (!error.isPending) {
        request.log.info({ error: error.code, reason: error.reason }, 'token request refused');
      }
      void reply.code(400);
      return { error: error.code, error_description: error.message } satisfies Refusal;
    }
  }

  /** Whether a token request has a code or a refresh token of the provider's: any but that of a grant that a feature added, by its client. */
  #isOfProvider(body: unknown): boolean {
    const type = grantSchema.safeParse(body).data?.grant_type;
    if (type === undefined || !providerGrants.has(type)) {
      return false;
    }
    const client = clientSchema.safeParse(body).data?.client_id;
    return client === undefined || this.grants.find(type)?.clientId !== client;
  }

  async #grant(
    body: unknown,
    principal: Principal | undefined,
    request: FastifyRequest,
    jkt: string | undefined,
  ): Promise<Answer> {
    const client = clientInfoOf(request);
    const grant = grantSchema.safeParse(body);
    if (!grant.success) {
      throw new OAuthError('invalid_request', 'one grant_type is needed');
    }
    const { grant_type: type } = grant.data;
    const added = this.grants.find(type);
    if (added !== undefined) {
      const { minted, members } = await this.exchanges.grant(added, body, { client, jkt });
      return { ...this.#answer(minted, tokenTypes.accessToken), ...members };
    }
    if (type !== exchangeGrantType) {
      throw new OAuthError('unsupported_grant_type', `grant_type must be ${this.grants.described}`);
    }
    const form = exchangeFormSchema.safeParse(body);
    if (!form.success) {
      throw invalidForm(form.error);
    }
    if (
      form.data.subject_token_type === tokenTypes.session &&
      request.host.toLowerCase() !== this.#publicHost
    ) {
      // The route is answered under every name, for services. The cookie belongs to one.
      throw new Problem('wrong_host', { reason: 'foreign_host' });
    }
    const exchange = { form: form.data, principal, client, jkt };
    return this.#answer(await this.exchanges.exchange(exchange), form.data.requested_token_type);
  }

  #answer({ token, claims }: MintedSession, issued: Answer['issued_token_type']): Answer {
    return {
      access_token: token,
      issued_token_type: issued,
      token_type: claims.cnf === undefined ? 'Bearer' : 'DPoP',
      expires_in: claims.exp - this.clock.seconds(),
      scope: claims.scope,
    };
  }
}
