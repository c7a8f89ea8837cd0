import { Body, Controller, HttpCode, Post, Req, Res } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { Clock } from '../core/clock.service.js';
import { ApiProblems } from '../http/openapi.decorators.js';
import { CurrentUser, OptionalSession } from '../session/access.decorators.js';
import type { Principal } from '../session/principal.js';
import { CommandLineGrant } from './command-line.grant.js';
import { codeGrantType } from './command-line.schemas.js';
import { OAuthError } from './oauth.error.js';
import { RateLimited } from './rate-limited.decorator.js';
import { originOf } from './request.origin.js';
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

type Answer = z.output<typeof exchangeAnswerSchema>;
type Refusal = z.output<typeof exchangeErrorSchema>;

/** The token endpoint: what a caller has becomes a bearer augmented token (RFC 8693). */
@ApiTags('auth')
@Controller('auth/token')
export class TokenExchangeController {
  readonly #exchange: TokenExchange;
  readonly #commandLine: CommandLineGrant;
  readonly #clock: Clock;

  constructor(exchange: TokenExchange, commandLine: CommandLineGrant, clock: Clock) {
    this.#exchange = exchange;
    this.#commandLine = commandLine;
    this.#clock = clock;
  }

  @Post()
  @HttpCode(200)
  @OptionalSession()
  @RateLimited('token-address')
  @ApiOperation({
    summary: 'Get a bearer token',
    description:
      'RFC 8693 token exchange: an access token of the provider, an API key, an augmented token or the session of the cookie becomes an augmented token for `Authorization: Bearer`, with less scope or for another organisation on request. With `authorization_code`, the code of a command-line login.',
  })
  @ApiConsumes('application/x-www-form-urlencoded')
  @ApiBody({
    schema: {
      type: 'object',
      required: ['grant_type'],
      properties: exchangeFormProperties,
      example: { grant_type: exchangeGrantType, subject_token_type: tokenTypes.session },
    },
  })
  @ApiResponse({ status: 200, description: 'The token.', standardSchema: exchangeAnswerSchema })
  @ApiResponse({
    status: 400,
    description: 'RFC 6749, section 5.2; RFC 8693, section 2.2.2.',
    standardSchema: exchangeErrorSchema,
  })
  @ApiProblems(
    'cross_site_request',
    'unsupported_media_type',
    'rate_limited',
    'provider_misconfigured',
    'provider_unavailable',
  )
  async exchange(
    @Body() body: unknown,
    @CurrentUser({ optional: true }) principal: Principal | undefined,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Answer | Refusal> {
    // RFC 6749 section 5.1, also for what old caches understand.
    void reply.headers({ 'cache-control': 'no-store', pragma: 'no-cache' });
    try {
      return await this.#grant(body, principal, request);
    } catch (error) {
      if (!(error instanceof OAuthError)) {
        throw error;
      }
      request.log.info({ error: error.code, reason: error.reason }, 'token request refused');
      void reply.code(400);
      return { error: error.code, error_description: error.message };
    }
  }

  async #grant(body: unknown, principal: Principal | undefined, request: FastifyRequest): Promise<Answer> {
    const grant = grantSchema.safeParse(body);
    if (!grant.success) {
      throw new OAuthError('invalid_request', 'one grant_type is needed');
    }
    if (grant.data.grant_type === codeGrantType) {
      return this.#answerCommandLine(body, request);
    }
    if (grant.data.grant_type !== exchangeGrantType) {
      throw new OAuthError(
        'unsupported_grant_type',
        `grant_type must be ${exchangeGrantType}, or authorization_code for the command line`,
      );
    }
    const form = exchangeFormSchema.safeParse(body);
    if (!form.success) {
      const names = new Set(form.error.issues.map(({ path }) => String(path[0])));
      throw new OAuthError('invalid_request', `missing, given twice, or not valid: ${[...names].join(', ')}`);
    }
    const { token, claims } = await this.#exchange.exchange({
      form: form.data,
      principal,
      origin: originOf(request),
    });
    return {
      access_token: token,
      issued_token_type: form.data.requested_token_type,
      token_type: 'Bearer',
      expires_in: claims.exp - this.#clock.seconds(),
      scope: claims.scope,
    };
  }

  /** A code of `/auth/cli`. */
  async #answerCommandLine(body: unknown, request: FastifyRequest): Promise<Answer> {
    const { token, claims, key, keyId } = await this.#commandLine.grant(body, originOf(request));
    return {
      access_token: token,
      issued_token_type: tokenTypes.accessToken,
      token_type: 'Bearer',
      expires_in: claims.exp - this.#clock.seconds(),
      scope: claims.scope,
      api_key: key,
      api_key_id: keyId,
    };
  }
}
