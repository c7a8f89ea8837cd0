import { Controller, Get, Inject, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { CONFIGURATION } from '../config/config.module.js';
import type { Configuration } from '../config/configuration.js';
import { CurrentUser, OptionalSession } from '../session/access.decorators.js';
import type { Principal } from '../session/principal.js';
import { SessionService } from '../session/session.service.js';
import { AssetStore } from './asset.store.js';
import { sendPage } from './page.reply.js';
import { AccountPage } from './views/account.view.js';
import { WelcomePage } from './views/welcome.view.js';

/** `GET /`: the account page, or a welcome for visitors. */
@ApiExcludeController()
@Controller()
export class HomeController {
  readonly #assets: AssetStore;
  readonly #sessions: SessionService;
  readonly #demo: boolean;

  constructor(
    assets: AssetStore,
    sessions: SessionService,
    @Inject(CONFIGURATION) configuration: Configuration,
  ) {
    this.#assets = assets;
    this.#sessions = sessions;
    this.#demo = configuration.AUTH_PROVIDER === 'ory' && configuration.DEMO;
  }

  @Get()
  @OptionalSession()
  async home(
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
    await sendPage(reply, AccountPage({ assets, user, session, provider: claims.idp }));
  }
}
