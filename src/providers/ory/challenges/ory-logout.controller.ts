import { Body, Controller, Get, Logger, Post, Query, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { ChallengeBinding } from '../hydra/challenge-binding.js';
import { HydraClient } from '../hydra/hydra.client.js';
import { IdentitySource } from '../sources/identity-source.js';
import { AnySession, CurrentUser, Public } from '../../../session/guards/access.decorators.js';
import type { Principal } from '../../../session/principal.js';
import { SessionCookie } from '../../../session/cookie/session-cookie.js';
import { requireBound } from './ory-challenge.js';
import { OwnSession } from '../../../login/own-session.service.js';
import { clientInfoOf } from '../../../platform/http/client-info.js';

const formSchema = z.object({ logout_challenge: z.string(), decision: z.enum(['logout', 'stay']) });

/** The routes of Hydra's logout challenge: another application asks to log the user out; the user decides. */
@ApiExcludeController()
@Controller('auth/ory/logout')
export class OryLogoutController {
  readonly #logger = new Logger(OryLogoutController.name);

  constructor(
    private readonly hydra: HydraClient,
    private readonly sources: IdentitySource,
    private readonly binding: ChallengeBinding,
    private readonly own: OwnSession,
    private readonly cookie: SessionCookie,
  ) {}

  @Get()
  @Public()
  async start(
    @Query('logout_challenge') given: unknown,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const challenge = requireBound(this.binding, given, request);
    await this.hydra.logoutRequest(challenge);
    await reply.redirect(`/ui/logout?${new URLSearchParams({ logout_challenge: challenge })}`, 302);
  }

  @Post()
  @AnySession()
  async decide(
    @Body({ schema: formSchema }) form: z.output<typeof formSchema>,
    @CurrentUser({ optional: true }) principal: Principal | undefined,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const challenge = requireBound(this.binding, form.logout_challenge, request);
    if (form.decision === 'stay') {
      await reply.redirect('/', 303);
      return;
    }
    await this.sources.endBrowserSession(request.headers.cookie);
    if (principal !== undefined) {
      // Not at Hydra: its own logout continues from here, and needs the session to notify the other applications.
      await this.own.logoutHere(principal, clientInfoOf(request));
    }
    await this.#revokeTokens(challenge);
    this.cookie.clear(reply);
    await reply.redirect(await this.hydra.acceptLogout(challenge), 303);
  }

  /** Revokes the tokens of our applications that the ended session left behind. A failure doesn't prevent the logout. */
  async #revokeTokens(challenge: string): Promise<void> {
    try {
      const { subject, sid } = await this.hydra.logoutRequest(challenge);
      if (subject && sid) {
        await this.hydra.revokeTokens({ subject, sid });
      }
    } catch (error) {
      this.#logger.error('the tokens of a login could not be revoked', {
        reason: 'provider_logout_failed',
        err: error,
      });
    }
  }
}
