import { Body, Logger, Req, Res } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiResponse } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Problem } from '../platform/errors/problem.error.js';
import { UnreadableAs, asOAuthError } from '../platform/http/unreadable-body.js';
import { Public } from '../session/guards/access.decorators.js';
import { ApiController, ApiRoute } from '../session/guards/api-route.js';
import { BackchannelLogoutService } from './backchannel-logout.service.js';
import { RateLimited } from '../session/guards/rate-limited.decorators.js';
import { clientInfoOf } from '../platform/http/client-info.js';

const formType = /^application\/x-www-form-urlencoded(?:\s*;|$)/i;

/** A signed compact JWS. The maximum length is more than any real one has. */
const formSchema = z.object({
  logout_token: z
    .string()
    .max(8192)
    .regex(/^[\w-]+\.[\w-]+\.[\w-]+$/)
    .meta({
      description: 'A logout token, signed by the login provider. It authenticates the request.',
      example: 'header.payload.signature',
    }),
});

/** The logout token of a request's form; undefined unless there is just one. */
function logoutTokenOf(request: FastifyRequest, form: unknown): string | undefined {
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

  constructor(private readonly logouts: BackchannelLogoutService) {}

  @ApiRoute('POST', '', {
    summary: 'Receive a logout notice from the provider',
    description:
      'OpenID Connect Back-Channel Logout 1.0. Ends the sessions that belong to the `sid` of the logout token or, without a `sid`, all sessions of its `sub`. Each token can be used once.',
    answer: { description: 'The sessions have been ended.', schema: answerSchema },
    problems: ['rate_limited', 'provider_misconfigured', 'provider_unavailable', 'database_unavailable'],
  })
  @UnreadableAs(asOAuthError)
  @Public()
  @RateLimited('logout-address')
  @ApiConsumes('application/x-www-form-urlencoded')
  @ApiBody(formBody)
  @ApiResponse({
    status: 400,
    description: 'The logout token or the form is invalid: an OAuth error (RFC 6749, section 5.2).',
    standardSchema: errorSchema,
  })
  async logout(
    @Body() form: unknown,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.output<typeof answerSchema> | z.output<typeof errorSchema>> {
    return receiveLogout({ form, request, reply, logger: this.#logger }, async (token) =>
      this.logouts.logout(token, clientInfoOf(request)),
    );
  }
}

/** A request that brings a logout token, and where its refusal is logged. */
interface LogoutRequest {
  readonly form: unknown;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly logger: Logger;
  /** What the log line also tells. */
  readonly about?: Readonly<Record<string, string>>;
}

/**
 * Answers a request that brings a logout token, as section 2.8 requires.
 * @param act carries it out. A problem of the caller's is answered as an OAuth error.
 */
export async function receiveLogout(
  { form, request, reply, logger, about }: LogoutRequest,
  act: (token: string) => Promise<void>,
): Promise<z.output<typeof answerSchema> | z.output<typeof errorSchema>> {
  void reply.header('cache-control', 'no-store');
  const token = logoutTokenOf(request, form);
  if (token === undefined) {
    return refused(reply, 'a form with one logout_token is needed');
  }
  try {
    await act(token);
    return {};
  } catch (error) {
    if (error instanceof Problem && error.definition.status < 500) {
      logger.warn('a logout token was refused', { reason: error.reason, ...about });
      return refused(reply, 'the logout token was not accepted');
    }
    throw error;
  }
}

/** Answers with an error in the form of section 2.8. */
function refused(
  reply: FastifyReply,
  description: string,
): { readonly error: string; readonly error_description: string } {
  void reply.code(400);
  return { error: 'invalid_request', error_description: description };
}
