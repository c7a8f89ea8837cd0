import { Controller, Get, Inject, Query, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { h } from 'preact';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { Configuration } from '../../platform/config/configuration.js';
import { safeReturnTo } from '../../platform/http/return-target.js';
import { toTimestamp } from '../../platform/time/timestamp.schema.js';
import { AnySession, CurrentUser } from '../../session/guards/access.decorators.js';
import type { Principal } from '../../session/principal.js';
import { SessionService } from '../../session/session.service.js';
import { isOfConnection } from '../../pages/connection-visitor.js';
import { PageSender } from '../../pages/page-sender.js';
import { SecondFactorPage } from './second-factor.view.js';

/** The page that tells a user that a second factor is required of them, and until when they must set one up. */
@ApiExcludeController()
@Controller('second-factor')
export class SecondFactorController {
  readonly #publicUrl: string;

  constructor(
    private readonly pages: PageSender,
    private readonly sessions: SessionService,
    @Inject(CONFIGURATION) { PUBLIC_URL }: Configuration,
  ) {
    this.#publicUrl = PUBLIC_URL;
  }

  @Get()
  @AnySession()
  async page(
    @Query('return_to') given: unknown,
    @CurrentUser({ optional: true }) principal: Principal | undefined,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const returnTo = safeReturnTo(given, this.#publicUrl);
    const demand = principal?.claims.second_factor;
    if (principal === undefined || demand === undefined) {
      await reply.redirect(returnTo, 302);
      return;
    }
    void reply.header('cache-control', 'no-store');
    const page = h(SecondFactorPage, {
      due: toTimestamp(demand.due * 1000),
      missing: demand.missing,
      org: principal.claims.org?.slug ?? demand.org?.slug,
      returnTo,
      isPossible: !(await isOfConnection(this.sessions, principal)),
    });
    await this.pages.send(reply, page);
  }
}
