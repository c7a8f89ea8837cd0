import { Body, Req, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiCookieAuth } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import {
  AllowWithoutSecondFactor,
  AnyScope,
  AnySession,
  CurrentUser,
} from '../session/guards/access.decorators.js';
import { ApiController, ApiRoute } from '../session/guards/api-route.js';
import type { Principal } from '../session/principal.js';
import { SessionCookie } from '../session/cookie/session-cookie.js';
import { SessionService } from '../session/session.service.js';
import {
  loginAnswerSchema,
  loginBodySchema,
  logoutAnswerSchema,
  sessionAnswerSchema,
} from './auth.schemas.js';
import { LoginService } from './login.service.js';
import { answerLogout } from './logout-answer.js';
import { OwnSession } from './own-session.service.js';
import { RateLimited } from '../session/guards/rate-limited.decorators.js';
import { clientInfoOf } from '../platform/http/client-info.js';

/** The routes of the login with an access token, the logout, and the current user. */
@ApiController('auth', { tag: 'auth', credentials: [] })
export class AuthController {
  constructor(
    private readonly logins: LoginService,
    private readonly own: OwnSession,
    private readonly sessions: SessionService,
    private readonly cookie: SessionCookie,
  ) {}

  @ApiRoute('POST', 'login', {
    summary: 'Log in with an access token',
    description:
      'For apps that already have an access token of the login provider: exchanges it for a session cookie. The token is validated with the provider.',
    answer: { description: 'Logged in; the session cookie is set.', schema: loginAnswerSchema },
    problems: [
      'access_token_rejected',
      'forbidden',
      'email_unverified',
      'signup_refused',
      'gone',
      'session_too_large',
      'rate_limited',
      'provider_misconfigured',
      'provider_unavailable',
    ],
  })
  @AnySession()
  @RateLimited('token-address')
  async login(
    @Body({ schema: loginBodySchema }) body: z.output<typeof loginBodySchema>,
    @CurrentUser({ optional: true }) previous: Principal | undefined,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.output<typeof loginAnswerSchema>> {
    const { accessToken, inviteToken } = body;
    const attempt = { accessToken, inviteToken, previous };
    const { user, session } = await this.logins.login(attempt, clientInfoOf(request));
    this.cookie.write(reply, session.token);
    const { expiresAt } = this.sessions.limitsOf(session.claims);
    return { user, session: { id: session.claims.sid, expiresAt } };
  }

  @ApiRoute('GET', 'session', {
    summary: 'Get the current session',
    description: 'The answer comes from the caller’s token alone, without a database lookup.',
    answer: { description: 'The live session.', schema: sessionAnswerSchema },
  })
  @AnyScope()
  @AllowWithoutSecondFactor()
  @ApiCookieAuth()
  @ApiBearerAuth()
  session(@CurrentUser() { user, claims }: Principal): z.output<typeof sessionAnswerSchema> {
    return {
      user,
      session: { id: claims.sid, ...this.sessions.limitsOf(claims) },
      provider: claims.idp,
      claims,
    };
  }

  @ApiRoute('POST', 'logout', {
    summary: 'Log out',
    description:
      'Ends the session here and at the provider. A browser that posts a form is sent on to the provider’s logout or to `/`. A bearer token needs the scope `api`.',
    answer: { description: 'Logged out; the session cookie is cleared.', schema: logoutAnswerSchema },
    problems: ['insufficient_scope'],
  })
  @AnySession()
  async logout(
    @CurrentUser({ optional: true }) principal: Principal | undefined,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const next =
      principal === undefined ? undefined : await this.own.logout(principal, clientInfoOf(request));
    this.cookie.clear(reply);
    await answerLogout(request, reply, next, '/');
  }
}
