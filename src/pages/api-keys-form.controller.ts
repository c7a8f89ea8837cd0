import { Body, Controller, HttpCode, Param, Post, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { keyName, keyScope } from '../api-keys/api-key.schemas.js';
import { ApiKeysService } from '../api-keys/api-keys.service.js';
import { originOf } from '../auth/request.origin.js';
import { Clock } from '../core/clock.service.js';
import { Problem } from '../core/problem.error.js';
import { CurrentUser, RequireScope } from '../session/access.decorators.js';
import type { Principal } from '../session/principal.js';
import { AssetStore } from './asset.store.js';
import { sendPage } from './page.reply.js';
import { CreatedKeyPage, keyLives } from './views/api-keys.view.js';
import type { AccountNotice } from './views/sessions.view.js';

const day = 86_400_000;

const formSchema = z.object({
  name: keyName,
  scope: keyScope,
  life: z.enum(keyLives, { error: 'must be one of those offered' }),
});

/** The forms of the account page's list of API keys. */
@ApiExcludeController()
@Controller('account/api-keys')
@RequireScope('keys:write')
export class ApiKeysFormController {
  readonly #keys: ApiKeysService;
  readonly #assets: AssetStore;
  readonly #clock: Clock;

  constructor(keys: ApiKeysService, assets: AssetStore, clock: Clock) {
    this.#keys = keys;
    this.#assets = assets;
    this.#clock = clock;
  }

  /** The key is in this answer alone: a redirect would need to keep it somewhere. */
  @Post()
  @HttpCode(200)
  async create(
    @Body({ schema: formSchema }) { name, scope, life }: z.output<typeof formSchema>,
    @CurrentUser() principal: Principal,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const expiresAt =
      life === 'never' ? null : new Date(this.#clock.now() + Number(life) * day).toISOString();
    const { key } = await this.#keys.create(principal, { name, scope, expiresAt }, originOf(request));
    void reply.header('cache-control', 'no-store');
    const page = { assets: this.#assets.addresses, user: principal.user, name, value: key };
    await sendPage(reply, CreatedKeyPage(page));
  }

  @Post(':id/revoke')
  async revoke(
    @Param('id') id: string,
    @CurrentUser() principal: Principal,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { sub: userId } = principal.claims;
    try {
      await this.#keys.revoke(principal, { userId }, id, originOf(request));
    } catch (error) {
      // The page was open for a while, or the button was pressed twice: what was wanted is so.
      if (error instanceof Problem && error.code === 'not_found') {
        await backToAccount(reply, 'key_gone');
        return;
      }
      throw error;
    }
    await backToAccount(reply, 'key_revoked');
  }
}

async function backToAccount(reply: FastifyReply, notice: AccountNotice): Promise<void> {
  await reply.redirect(`/?${new URLSearchParams({ notice })}`, 303);
}
