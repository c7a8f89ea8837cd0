import { Controller, Get, Inject, Query, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { h } from 'preact';
import { CONFIGURATION } from '../platform/config/config.module.js';
import type { Configuration } from '../platform/config/configuration.js';
import { CurrentUser, OptionalSession } from '../session/guards/access.decorators.js';
import type { Principal } from '../session/principal.js';
import { AccountPages } from './account.pages.js';
import { NoticeSubjects } from './notice-subjects.js';
import { PageSender } from './page-sender.js';
import { cursorSchema } from './session-pages.js';
import { noticeIn } from './views/notice.view.js';
import { WelcomePage } from './views/welcome.view.js';

/** `GET /`: the account page, or a welcome for visitors. */
@ApiExcludeController()
@Controller()
export class HomeController {
  readonly #demo: boolean;

  constructor(
    private readonly pages: PageSender,
    private readonly account: AccountPages,
    private readonly subjects: NoticeSubjects,
    @Inject(CONFIGURATION) configuration: Configuration,
  ) {
    this.#demo = configuration.AUTH_PROVIDER === 'ory' && configuration.DEMO;
  }

  @Get()
  @OptionalSession()
  async home(
    @Query('notice') given: unknown,
    @Query('about') about: unknown,
    @Query('orgs') orgs: unknown,
    @Query('sessions') sessions: unknown,
    @CurrentUser({ optional: true }) principal: Principal | undefined,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const notice = noticeIn(given);
    if (principal === undefined) {
      await this.pages.send(reply, h(WelcomePage, { demo: this.#demo, notice }));
      return;
    }
    const [orgsCursor, sessionsCursor] = [orgs, sessions].map((given) => cursorSchema.parse(given));
    const subject = this.subjects.open(principal.claims.sub, about);
    await this.account.send(reply, principal, { notice, about: subject, orgsCursor, sessionsCursor });
  }
}
