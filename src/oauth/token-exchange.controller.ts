import { Body, Inject, Req, Res } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiResponse } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { CONFIGURATION } from '../platform/config/config.module.js';
import type { Configuration } from '../platform/config/configuration.js';
import { Problem } from '../platform/errors/problem.error.js';
import { Clock } from '../platform/time/clock.service.js';
import { CurrentUser, OptionalSession } from '../session/guards/access.decorators.js';
import { ApiController, ApiRoute } from '../session/guards/api.route.js';
import type { Principal } from '../session/principal.js';
import type { MintedSession } from '../session/session.minter.js';
import { CommandLineGrant } from './command-line.grant.js';
import { AuthorizationServer } from './authorization.server.js';
import { codeGrantType, commandLineClient } from './command-line.schemas.js';
import { OAuthError, invalidForm } from './oauth.error.js';
import { RateLimited } from '../session/guards/rate-limited.decorator.js';
import {
  exchangeAnswerSchema,
  exchangeErrorSchema,
  exchangeFormProperties,
  exchangeFormSchema,
  exchangeGrantType,
  grantSchema,
  tokenTypes,
} from './token-exchange.schemas.js';
import { TokenExchange } from './token-exchange.service.js';
import { clientInfoOf } from '../platform/http/client.info.js';

const commandLineClientSchema = z.looseObject({ client_id: z.literal(commandLineClient) });

type Answer = z.output<typeof exchangeAnswerSchema>;
type Refusal = z.output<typeof exchangeErrorSchema>;

/** Whether a token request has a code or a refresh token of the provider's: any but the code of a command-line login. */
function isOfProvider(body: unknown): boolean {
  const grant = grantSchema.safeParse(body).data?.grant_type;
  const isCommandLine = commandLineClientSchema.safeParse(body).success;
  return grant === 'refresh_token' || (grant === codeGrantType && !isCommandLine);
}

/** The token endpoint: exchanges a caller's credential for an augmented bearer token (RFC 8693). */
@ApiController('auth/token', { tag: 'auth', credentials: [] })
export class TokenExchangeController {
  readonly #exchange: TokenExchange;
  readonly #commandLine: CommandLineGrant;
  readonly #authorizationServer: AuthorizationServer;
  readonly #clock: Clock;
  readonly #publicHost: string;

  constructor(
    exchange: TokenExchange,
    commandLine: CommandLineGrant,
    authorizationServer: AuthorizationServer,
    clock: Clock,
    @Inject(CONFIGURATION) { PUBLIC_URL }: Configuration,
  ) {
    this.#publicHost = new URL(PUBLIC_URL).host.toLowerCase();
    this.#exchange = exchange;
    this.#commandLine = commandLine;
    this.#authorizationServer = authorizationServer;
    this.#clock = clock;
  }

  @ApiRoute('POST', '', {
    summary: 'Get a bearer token',
    description:
      'RFC 8693 token exchange: an access token of the provider, an API key, an augmented token or the session of the cookie becomes an augmented token for `Authorization: Bearer`, with less scope or for another organisation on request. With `authorization_code`, the code of a command-line login; with it and with `refresh_token`, those of a client that gets tokens for a protected resource (`PROTECTED_RESOURCES`), as in RFC 6749 and RFC 8707.',
    answer: { description: 'The token.', schema: exchangeAnswerSchema },
    problems: ['unsupported_media_type', 'rate_limited', 'provider_misconfigured', 'provider_unavailable'],
  })
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
    description: 'RFC 6749, section 5.2; RFC 8693, section 2.2.2.',
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
      const passedOn = isOfProvider(body) ? await this.#authorizationServer.grant(request, body) : undefined;
      if (passedOn !== undefined) {
        void reply.code(passedOn.status);
        return passedOn.body;
      }
      return await this.#grant(body, principal, request);
    } catch (error) {
      if (!(error instanceof OAuthError)) {
        throw error;
      }
      request.log.info({ error: error.code, reason: error.reason }, 'token request refused');
      void reply.code(400);
      return { error: error.code, error_description: error.message } satisfies Refusal;
    }
  }

  async #grant(body: unknown, principal: Principal | undefined, request: FastifyRequest): Promise<Answer> {
    const grant = grantSchema.safeParse(body);
    if (!grant.success) {
      throw new OAuthError('invalid_request', 'one grant_type is needed');
    }
    if (grant.data.grant_type === codeGrantType) {
      const granted = await this.#commandLine.grant(body, clientInfoOf(request));
      const answer = this.#answer(granted, tokenTypes.accessToken);
      return { ...answer, api_key: granted.key, api_key_id: granted.keyId };
    }
    if (grant.data.grant_type !== exchangeGrantType) {
      throw new OAuthError(
        'unsupported_grant_type',
        `grant_type must be ${exchangeGrantType}, or authorization_code for the command line`,
      );
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
    const exchange = { form: form.data, principal, client: clientInfoOf(request) };
    return this.#answer(await this.#exchange.exchange(exchange), form.data.requested_token_type);
  }

  #answer({ token, claims }: MintedSession, issued: Answer['issued_token_type']): Answer {
    return {
      access_token: token,
      issued_token_type: issued,
      token_type: 'Bearer',
      expires_in: claims.exp - this.#clock.seconds(),
      scope: claims.scope,
    };
  }
}
