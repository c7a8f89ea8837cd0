import { Controller, Get, HttpCode, Inject, Post, Query, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { Configuration } from '../../platform/config/configuration.js';
import { Problem } from '../../platform/errors/problem.error.js';
import { applicationHostOf } from '../../platform/http/application-hosts.js';
import { clientInfoOf } from '../../platform/http/client-info.js';
import { isNavigation } from '../../platform/http/navigation.js';
import { safeReturnTo } from '../../platform/http/return-target.js';
import { SessionCookie } from '../../session/cookie/session-cookie.js';
import { AnySession, CurrentUser, Public } from '../../session/guards/access.decorators.js';
import { RateLimited } from '../../session/guards/rate-limited.decorators.js';
import type { Principal } from '../../session/principal.js';
import { answerLogout } from '../../login/logout-answer.js';
import { OwnSession } from '../../login/own-session.service.js';
import { HostAttempts } from './host-attempts.js';
import { authorizePath, hostLoginQuerySchema } from './host-login.schemas.js';
import { HostSessions } from './host-sessions.js';
import { ProtectedHost } from './protected-host.js';
import { requireTopLevel } from './top-level.js';

/**
 * The gateway's routes on each protected host, `/.vestibule/…`. They aren't in the API's description, whose server is `PUBLIC_URL`;
 * docs/forward-auth.md describes them. At `PUBLIC_URL` there is nothing here.
 */
@ApiExcludeController()
@Controller('.vestibule')
export class HostSessionController {
  readonly #publicUrl: string;

  constructor(
    private readonly attempts: HostAttempts,
    private readonly sessions: HostSessions,
    private readonly own: OwnSession,
    private readonly cookie: SessionCookie,
    @Inject(CONFIGURATION) { PUBLIC_URL }: Configuration,
  ) {
    this.#publicUrl = PUBLIC_URL;
  }

  /** Sends the browser to `PUBLIC_URL` for a code. A script is told the address instead: it can do nothing with a login page. */
  @Get('login')
  @Public()
  @RateLimited('start-address', 'all')
  async login(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const host = requireHost(request);
    if (request.method === 'GET' && !isNavigation(request)) {
      throw host.refusal(new Problem('unauthenticated', { reason: 'host_login_by_script' }), request);
    }
    requireTopLevel(request);
    const challenge = this.attempts.begin(request, reply);
    await reply.redirect(this.#publicUrl + this.#authorizeAt(host, challenge, request.query), 303);
  }

  /** The browser is back with a code, and gets its cookie on this host. */
  @Get('callback')
  @AnySession()
  @RateLimited('start-address', 'all')
  async callback(
    @Query('code') code: unknown,
    @CurrentUser({ optional: true }) principal: Principal | undefined,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const host = requireHost(request);
    requireTopLevel(request);
    const sessionId = principal?.credential === 'cookie' ? principal.claims.sid : undefined;
    const began = (challenge: string): boolean => this.attempts.end(request, reply, challenge);
    const browser = { began, sessionId };
    const { session, returnTo } = await this.sessions.redeem(host, code, browser, clientInfoOf(request));
    if (session !== undefined) {
      this.cookie.write(reply, session.token);
    }
    await reply.redirect(host.origin + returnTo, 303);
  }

  /** Ends the whole session, as `/auth/logout` does: its cookies on all hosts are refused from now on. */
  @Post('logout')
  @HttpCode(200)
  @AnySession()
  async logout(
    @CurrentUser({ optional: true }) principal: Principal | undefined,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    requireHost(request);
    if (principal !== undefined && principal.credential !== 'cookie') {
      // The host's application gets a bearer with each request; the session, on all hosts, is the user's to end.
      throw new Problem('forbidden', {
        detail: 'Only the session cookie of this host can log out here.',
        reason: 'no_session_cookie',
      });
    }
    const next =
      principal === undefined ? undefined : await this.own.logout(principal, clientInfoOf(request));
    this.cookie.clear(reply);
    await answerLogout(request, reply, next, `${this.#publicUrl}/`);
  }

  /** The request for a code, as a path at `PUBLIC_URL`. The login there must be able to come back to it: else it leads to the start. */
  #authorizeAt(host: ProtectedHost, challenge: string, query: unknown): string {
    const { return_to: given, ...raised } = hostLoginQuerySchema.parse(query);
    const leadingTo = (returnTo: string): string => {
      const asked = new URLSearchParams({ host: host.host, challenge, return_to: returnTo });
      for (const [name, value] of Object.entries(raised)) {
        if (value !== undefined) {
          asked.set(name, value);
        }
      }
      return `${authorizePath}?${asked}`;
    };
    const path = leadingTo(host.returnTo(given));
    return safeReturnTo(path, this.#publicUrl) === path ? path : leadingTo('/');
  }
}

/** The host of a request. @throws {Problem} `not_found` at `PUBLIC_URL` */
function requireHost(request: FastifyRequest): ProtectedHost {
  const host = applicationHostOf(request);
  if (!(host instanceof ProtectedHost)) {
    throw new Problem('not_found', { reason: 'no_protected_host' });
  }
  return host;
}
