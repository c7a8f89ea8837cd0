import { Body, Logger, Req, Res } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiResponse } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Problem } from '../platform/errors/problem.error.js';
import { Public } from '../session/guards/access.decorators.js';
import { ApiController, ApiRoute } from '../session/guards/api.route.js';
import { BackchannelLogoutService } from './backchannel-logout.service.js';
import { RateLimited } from '../session/guards/rate-limited.decorator.js';
import { clientInfoOf } from '../platform/http/client.info.js';

const formType = /^application\/x-www-form-urlencoded(?:\s*;|$)/i;

/** A signed compact JWS. The maximum length is more than any real one has. */
const formSchema = z.object({
  logout_token: z
    .string()
    .max(8192)
    .regex(/^[\w-]+\.[\w-]+\.[\w-]+$/)
    .meta({
      description: 'A logout token of the login provider: the credential.',
      example: 'header.payload.signature',
    }),
});

/** The logout token of a request's form; undefined unless there is just one. */
export function logoutTokenOf(request: FastifyRequest, form: unknown): string | undefined {
  const parsed = formSchema.safeParse(form);
  return parsed.success && formType.test(request.headers['content-type'] ?? '')
    ? parsed.data.logout_token
    : undefined;
}

/** Swagger reads a `standardSchema` here as well, although its types don't declare it. */
const formBody = { required: true, standardSchema: formSchema };

const answerSchema = z.object({});
const errorSchema = z.object({ error: z.string(), error_description: z.string() });

/** The endpoint where the provider reports that a user was logged out there (OpenID Connect Back-Channel Logout 1.0). */
@ApiController('auth/backchannel-logout', { tag: 'auth', credentials: [] })
export class BackchannelLogoutController {
  readonly #logger = new Logger(BackchannelLogoutController.name);
  readonly #logouts: BackchannelLogoutService;

  constructor(logouts: BackchannelLogoutService) {
    this.#logouts = logouts;
  }

  @ApiRoute('POST', '', {
    summary: 'Receive a logout from the provider',
    description:
      'OpenID Connect Back-Channel Logout 1.0: ends the sessions behind the `sid` of the logout token, or all of its `sub`. Each token is good once.',
    answer: { description: 'They are logged out.', schema: answerSchema },
    problems: ['rate_limited', 'provider_misconfigured', 'provider_unavailable', 'database_unavailable'],
  })
  @Public()
  @RateLimited('logout-address')
  @ApiConsumes('application/x-www-form-urlencoded')
  @ApiBody(formBody)
  @ApiResponse({ status: 400, description: 'RFC 6749, section 5.2.', standardSchema: errorSchema })
  async logout(
    @Body() form: unknown,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.output<typeof answerSchema> | z.output<typeof errorSchema>> {
    void reply.header('cache-control', 'no-store');
    const token = logoutTokenOf(request, form);
    if (token === undefined) {
      return refuseLogout(reply, 'a form with one logout_token is needed');
    }
    try {
      await this.#logouts.logout(token, clientInfoOf(request));
      return {};
    } catch (error) {
      if (error instanceof Problem && error.definition.status < 500) {
        this.#logger.warn('a logout token was refused', { reason: error.reason });
        return refuseLogout(reply, 'the logout token was not accepted');
      }
      throw error;
    }
  }
}

/** Answers with an error in the form of section 2.8. */
export function refuseLogout(
  reply: FastifyReply,
  description: string,
): { readonly error: string; readonly error_description: string } {
  void reply.code(400);
  return { error: 'invalid_request', error_description: description };
}
