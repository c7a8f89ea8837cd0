import { Controller, Get, Inject, Logger, Query, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { ApiKeysService, maximumLiveKeys } from '../api-keys/api-keys.service.js';
import { AccountSessions } from '../auth/account-sessions.service.js';
import { CONFIGURATION } from '../config/config.module.js';
import type { Configuration } from '../config/configuration.js';
import { CurrentUser, OptionalSession } from '../session/access.decorators.js';
import type { Principal } from '../session/principal.js';
import { SessionService } from '../session/session.service.js';
import { AssetStore } from './asset.store.js';
import { sendPage } from './page.reply.js';
import { AccountPage } from './views/account.view.js';
import type { ListedKey } from './views/api-keys.view.js';
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
  readonly #keys: ApiKeysService;
  readonly #demo: boolean;

  constructor(
    assets: AssetStore,
    sessions: SessionService,
    list: AccountSessions,
    keys: ApiKeysService,
    @Inject(CONFIGURATION) configuration: Configuration,
  ) {
    this.#assets = assets;
    this.#sessions = sessions;
    this.#list = list;
    this.#keys = keys;
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
    const [sessions, keys] = await Promise.all([this.#listOf(principal), this.#keysOf(principal)]);
    const notice = noticeSchema.parse(given);
    const provider = claims.idp;
    await sendPage(reply, AccountPage({ assets, user, session, provider, sessions, keys, notice }));
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

  /** The same for API keys. Those beyond the limit have expired; the API lists them. */
  async #keysOf({ claims }: Principal): Promise<readonly ListedKey[] | undefined> {
    try {
      return (await this.#keys.list({ userId: claims.sub }, { limit: 2 * maximumLiveKeys })).items;
    } catch (error) {
      this.#logger.error('the API keys could not be listed', { reason: 'api_keys_unknown', err: error });
      return undefined;
    }
  }
}
