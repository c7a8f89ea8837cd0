import { Body, Controller, HttpCode, Post, Req, Res } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Clock } from '../core/clock.service.js';
import { Problem } from '../core/problem.error.js';
import { ApiProblems } from '../http/openapi.decorators.js';
import { CurrentUser, OptionalSession } from '../session/access.decorators.js';
import type { Principal } from '../session/principal.js';
import type { MintedSession } from '../session/session.minter.js';
import { AuthService } from './auth.service.js';
import { originOf } from './request.origin.js';

const grantType = 'urn:ietf:params:oauth:grant-type:token-exchange';
const accessTokenType = 'urn:ietf:params:oauth:token-type:access_token';
/** Ours, because the RFC has none for it: the subject is the session of the cookie that comes along. */
const sessionType = 'urn:vestibule:params:oauth:token-type:session';

const formSchema = z.object({
  grant_type: z.string(),
  subject_token: z.string().min(1).max(8192).optional(),
  subject_token_type: z.string(),
});

const answerSchema = z.object({
  access_token: z.string().meta({ description: 'An augmented token.' }),
  issued_token_type: z.literal(accessTokenType),
  token_type: z.literal('Bearer'),
  expires_in: z.int().meta({ description: 'Seconds.' }),
  scope: z.string(),
});

const errorSchema = z.object({ error: z.string(), error_description: z.string() });

const properties = {
  grant_type: { type: 'string', enum: [grantType] },
  subject_token_type: { type: 'string', enum: [accessTokenType, sessionType] },
  subject_token: { type: 'string', description: "The provider's access token; left out for a session." },
};

/** Token exchange (RFC 8693): what a caller has becomes a bearer augmented token. */
@ApiTags('auth')
@Controller('auth/token')
export class TokenExchangeController {
  readonly #auth: AuthService;
  readonly #clock: Clock;

  constructor(auth: AuthService, clock: Clock) {
    this.#auth = auth;
    this.#clock = clock;
  }

  @Post()
  @HttpCode(200)
  @OptionalSession()
  @ApiOperation({
    summary: 'Get a bearer token',
    description: `RFC 8693 token exchange: an access token of the provider, or the session of the cookie (subject_token_type \`${sessionType}\`), becomes an augmented token for \`Authorization: Bearer\`.`,
  })
  @ApiConsumes('application/x-www-form-urlencoded')
  @ApiBody({ schema: { type: 'object', required: ['grant_type', 'subject_token_type'], properties } })
  @ApiResponse({ status: 200, description: 'The token.', standardSchema: answerSchema })
  @ApiResponse({ status: 400, description: 'RFC 6749, section 5.2.', standardSchema: errorSchema })
  @ApiProblems('cross_site_request', 'provider_unavailable')
  async exchange(
    @Body() form: unknown,
    @CurrentUser({ optional: true }) principal: Principal | undefined,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.output<typeof answerSchema> | z.output<typeof errorSchema>> {
    const parsed = formSchema.safeParse(form);
    if (!parsed.success) {
      return refuse(reply, 'invalid_request', 'grant_type and subject_token_type are needed');
    }
    const { grant_type, subject_token, subject_token_type } = parsed.data;
    if (grant_type !== grantType) {
      return refuse(reply, 'unsupported_grant_type', `grant_type must be ${grantType}`);
    }
    if (
      subject_token_type === sessionType &&
      subject_token === undefined &&
      principal?.credential === 'cookie'
    ) {
      return this.#answer(await this.#auth.mintBearer(principal));
    }
    if (subject_token_type !== accessTokenType || subject_token === undefined) {
      return refuse(reply, 'invalid_request', 'there is no subject of this type in the request');
    }
    try {
      const attempt = { accessToken: subject_token, previous: undefined };
      const { session } = await this.#auth.login(attempt, originOf(request));
      return this.#answer(session);
    } catch (error) {
      if (error instanceof Problem && error.definition.status < 500) {
        return refuse(reply, 'invalid_grant', 'the subject token was not accepted');
      }
      throw error;
    }
  }

  #answer({ token, claims }: MintedSession): z.output<typeof answerSchema> {
    return {
      access_token: token,
      issued_token_type: accessTokenType,
      token_type: 'Bearer',
      expires_in: claims.exp - this.#clock.seconds(),
      scope: claims.scope,
    };
  }
}

/** Errors of OAuth endpoints have a form of their own (RFC 6749 section 5.2). */
function refuse(reply: FastifyReply, error: string, description: string): z.output<typeof errorSchema> {
  void reply.code(400);
  return { error, error_description: description };
}
