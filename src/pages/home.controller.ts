import { Controller, Get, Inject, Logger, Query, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { AccountSessions } from '../auth/account-sessions.service.js';
import { CONFIGURATION } from '../config/config.module.js';
import type { Configuration } from '../config/configuration.js';
import { CurrentUser, OptionalSession } from '../session/access.decorators.js';
import type { Principal } from '../session/principal.js';
import { SessionService } from '../session/session.service.js';
import { AssetStore } from './asset.store.js';
import { sendPage } from './page.reply.js';
import { AccountPage } from './views/account.view.js';
import { accountNotices, type ListedSession } from './views/sessions.view.js';
import { WelcomePage } from './views/welcome.view.js';

const noticeSchema = z.enum(accountNotices).optional().catch(undefined);

/** `GET /`: the account page, or a welcome for visitors. */
@ApiExcludeController()
@Controller()
export class HomeController {
  readonly #logger = new Logger(HomeController.name);
  readonly #assets: AssetStore;
  readonly #sessions: SessionService;
  readonly #list: AccountSessions;
  readonly #demo: boolean;

  constructor(
    assets: AssetStore,
    sessions: SessionService,
    list: AccountSessions,
    @Inject(CONFIGURATION) configuration: Configuration,
  ) {
    this.#assets = assets;
    this.#sessions = sessions;
    this.#list = list;
    this.#demo = configuration.AUTH_PROVIDER === 'ory' && configuration.DEMO;
  }

  @Get()
  @OptionalSession()
  async home(
    @Query('notice') given: unknown,
    @CurrentUser({ optional: true }) principal: Principal | undefined,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const assets = this.#assets.addresses;
    if (principal === undefined) {
      await sendPage(reply, WelcomePage({ assets, demo: this.#demo }));
      return;
    }
    const { user, claims } = principal;
    const session = { id: claims.sid, ...this.#sessions.limitsOf(claims) };
    const sessions = await this.#listOf(principal);
    const notice = noticeSchema.parse(given);
    await sendPage(reply, AccountPage({ assets, user, session, provider: claims.idp, sessions, notice }));
  }

  /** Nothing when it can't be read now: who is logged in sees the page without the database. */
  async #listOf(principal: Principal): Promise<readonly ListedSession[] | undefined> {
    try {
      return await this.#list.list(principal);
    } catch (error) {
      this.#logger.error('the sessions could not be listed', { reason: 'sessions_unknown', err: error });
      return undefined;
    }
  }
}
