import { Body, Controller, HttpCode, Logger, Post, Req, Res } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Problem } from '../core/problem.error.js';
import { ApiProblems } from '../http/openapi.decorators.js';
import { Public } from '../session/access.decorators.js';
import { BackchannelLogoutService } from './backchannel-logout.service.js';
import { RateLimited } from './rate-limited.decorator.js';
import { originOf } from './request.origin.js';

const formType = /^application\/x-www-form-urlencoded(?:\s*;|$)/i;

/** A signed compact JWS, of a length that no real one has. */
const formSchema = z.object({
  logout_token: z
    .string()
    .max(8192)
    .regex(/^[\w-]+\.[\w-]+\.[\w-]+$/),
});

const answerSchema = z.object({});
const errorSchema = z.object({ error: z.string(), error_description: z.string() });

const properties = {
  logout_token: { type: 'string', description: 'A logout token of the login provider: the credential.' },
};

/** Where the provider tells that somebody was logged out there (OpenID Connect Back-Channel Logout 1.0). */
@ApiTags('auth')
@Controller('auth/backchannel-logout')
export class BackchannelLogoutController {
  readonly #logger = new Logger(BackchannelLogoutController.name);
  readonly #logouts: BackchannelLogoutService;

  constructor(logouts: BackchannelLogoutService) {
    this.#logouts = logouts;
  }

  @Post()
  @HttpCode(200)
  @Public()
  @RateLimited('logout-address')
  @ApiOperation({
    summary: 'Be told of a logout by the provider',
    description:
      'OpenID Connect Back-Channel Logout 1.0: ends the sessions behind the `sid` of the logout token, or all of its `sub`. Each token is good once.',
  })
  @ApiConsumes('application/x-www-form-urlencoded')
  @ApiBody({ schema: { type: 'object', required: ['logout_token'], properties } })
  @ApiResponse({ status: 200, description: 'They are logged out.', standardSchema: answerSchema })
  @ApiResponse({ status: 400, description: 'RFC 6749, section 5.2.', standardSchema: errorSchema })
  @ApiProblems(
    'cross_site_request',
    'rate_limited',
    'provider_misconfigured',
    'provider_unavailable',
    'database_unavailable',
  )
  async logout(
    @Body() form: unknown,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.output<typeof answerSchema> | z.output<typeof errorSchema>> {
    void reply.header('cache-control', 'no-store');
    const parsed = formSchema.safeParse(form);
    if (!parsed.success || !formType.test(request.headers['content-type'] ?? '')) {
      return refuse(reply, 'a form with one logout_token is needed');
    }
    try {
      await this.#logouts.logout(parsed.data.logout_token, originOf(request));
      return {};
    } catch (error) {
      if (error instanceof Problem && error.definition.status < 500) {
        this.#logger.warn('a logout token was refused', { reason: error.reason });
        return refuse(reply, 'the logout token was not accepted');
      }
      throw error;
    }
  }
}

/** The error's form is set by section 2.8. */
function refuse(reply: FastifyReply, description: string): z.output<typeof errorSchema> {
  void reply.code(400);
  return { error: 'invalid_request', error_description: description };
}
