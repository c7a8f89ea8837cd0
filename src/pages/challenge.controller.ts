import { Controller, Get, Query, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { OryConsentService } from '../auth/ory-consent.service.js';
import { requireBound } from '../auth/ory.challenge.js';
import { ChallengeBinding } from '../hydra/challenge.binding.js';
import { HydraClient } from '../hydra/hydra.client.js';
import { CurrentUser, OptionalSession } from '../session/access.decorators.js';
import type { Principal } from '../session/principal.js';
import { AssetStore } from './asset.store.js';
import { sendPage } from './page.reply.js';
import { ConsentPage } from './views/consent.view.js';
import { LogoutPage } from './views/logout.view.js';

/** What Hydra asks people: may this application know you; do you want to log out. */
@ApiExcludeController()
@Controller('ui')
@OptionalSession()
export class ChallengeController {
  readonly #consent: OryConsentService;
  readonly #hydra: HydraClient;
  readonly #binding: ChallengeBinding;
  readonly #assets: AssetStore;

  constructor(consent: OryConsentService, hydra: HydraClient, binding: ChallengeBinding, assets: AssetStore) {
    this.#consent = consent;
    this.#hydra = hydra;
    this.#binding = binding;
    this.#assets = assets;
  }

  @Get('consent')
  async consent(
    @Query('consent_challenge') given: unknown,
    @CurrentUser({ optional: true }) principal: Principal | undefined,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const challenge = requireBound(this.#binding, given, request);
    const { client, requested_scope } = await this.#consent.request(challenge);
    const targets = client.redirect_uris ?? [];
    const [target] = targets;
    const page = ConsentPage({
      assets: this.#assets.addresses,
      user: principal?.user,
      challenge,
      client: {
        id: client.client_id,
        name: client.client_name ?? null,
        redirectHost: target !== undefined && URL.canParse(target) ? new URL(target).host : null,
      },
      scopes: requested_scope ?? [],
    });
    await sendPage(reply, page, targets);
  }

  @Get('logout')
  async logout(
    @Query('logout_challenge') given: unknown,
    @CurrentUser({ optional: true }) principal: Principal | undefined,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const challenge = requireBound(this.#binding, given, request);
    const { client } = await this.#hydra.logoutRequest(challenge);
    const page = LogoutPage({ assets: this.#assets.addresses, user: principal?.user, challenge });
    await sendPage(reply, page, client?.redirect_uris ?? []);
  }
}
