import { Body, Controller, Get, HttpCode, Post, Req, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiBody, ApiCookieAuth, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { ApiProblems } from '../http/openapi.decorators.js';
import { redirectPage } from '../http/redirect.page.js';
import { acceptsHtml } from '../http/navigation.js';
import {
  AllowUnverifiedEmail,
  AnyScope,
  CurrentUser,
  OptionalSession,
} from '../session/access.decorators.js';
import type { Principal } from '../session/principal.js';
import { SessionCookie } from '../session/session.cookie.js';
import { SessionService } from '../session/session.service.js';
import {
  loginAnswerSchema,
  loginBodySchema,
  logoutAnswerSchema,
  sessionAnswerSchema,
} from './auth.schemas.js';
import { AuthService } from './auth.service.js';
import { RateLimited } from './rate-limited.decorator.js';
import { originOf } from './request.origin.js';

/** Login with an access token, logout, and who is logged in. */
@ApiTags('auth')
@Controller('auth')
export class AuthController {
  readonly #auth: AuthService;
  readonly #sessions: SessionService;
  readonly #cookie: SessionCookie;

  constructor(auth: AuthService, sessions: SessionService, cookie: SessionCookie) {
    this.#auth = auth;
    this.#sessions = sessions;
    this.#cookie = cookie;
  }

  @Post('login')
  @HttpCode(200)
  @OptionalSession()
  @AllowUnverifiedEmail()
  @RateLimited('token-address')
  @ApiOperation({
    summary: 'Log in with an access token',
    description:
      "Step 7 of the flow: an app that holds the provider's access token turns it into a session cookie. The token is validated with the provider.",
  })
  @ApiBody({
    schema: {
      type: 'object',
      required: ['accessToken'],
      properties: {
        accessToken: { type: 'string' },
        inviteToken: {
          type: 'string',
          description:
            'Of an invite to an organisation, accepted with the login. An organisation that is active already stays active.',
        },
      },
    },
  })
  @ApiResponse({
    status: 200,
    description: 'Logged in; the cookie is set.',
    standardSchema: loginAnswerSchema,
  })
  @ApiProblems(
    'validation_failed',
    'access_token_rejected',
    'forbidden',
    'email_unverified',
    'signup_refused',
    'gone',
    'cross_site_request',
    'unsupported_media_type',
    'session_too_large',
    'rate_limited',
    'provider_misconfigured',
    'provider_unavailable',
  )
  async login(
    @Body({ schema: loginBodySchema }) body: z.output<typeof loginBodySchema>,
    @CurrentUser({ optional: true }) previous: Principal | undefined,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.output<typeof loginAnswerSchema>> {
    const { accessToken, inviteToken } = body;
    const attempt = { accessToken, inviteToken, previous };
    const { user, session } = await this.#auth.login(attempt, originOf(request));
    this.#cookie.write(reply, session.token);
    const { expiresAt } = this.#sessions.limitsOf(session.claims);
    return { user, session: { id: session.claims.sid, expiresAt } };
  }

  @Get('session')
  @AnyScope()
  @ApiCookieAuth()
  @ApiBearerAuth()
  @ApiOperation({ summary: 'Who am I?', description: 'Answered from the token alone.' })
  @ApiResponse({ status: 200, description: 'The live session.', standardSchema: sessionAnswerSchema })
  @ApiProblems('unauthenticated')
  session(@CurrentUser() { user, claims }: Principal): z.output<typeof sessionAnswerSchema> {
    return {
      user,
      session: { id: claims.sid, ...this.#sessions.limitsOf(claims) },
      provider: claims.idp,
      claims,
    };
  }

  @Post('logout')
  @HttpCode(200)
  @OptionalSession()
  @AllowUnverifiedEmail()
  @ApiOperation({
    summary: 'Log out',
    description:
      'Ends the session here and at the provider. A page that posts a form is redirected to `/`. A bearer token needs scope `api` for it.',
  })
  @ApiResponse({
    status: 200,
    description: 'Logged out; the cookie is gone.',
    standardSchema: logoutAnswerSchema,
  })
  @ApiProblems('cross_site_request', 'insufficient_scope')
  async logout(
    @CurrentUser({ optional: true }) principal: Principal | undefined,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const next = principal === undefined ? undefined : await this.#auth.logout(principal, originOf(request));
    this.#cookie.clear(reply);
    if (acceptsHtml(request) && next !== undefined) {
      // Not a redirect: the page's form-action policy would hold it, and it can't name where the provider leads to.
      await reply.type('text/html; charset=utf-8').send(redirectPage(next.href));
    } else if (acceptsHtml(request)) {
      await reply.redirect('/', 303);
    } else {
      await reply.send({ logoutUrl: next?.href ?? null });
    }
  }
}
