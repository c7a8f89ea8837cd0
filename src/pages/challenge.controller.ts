import { Controller, Get, Query, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { h } from 'preact';
import { OryConsentService } from '../providers/ory/challenges/ory-consent.service.js';
import { requireBound } from '../providers/ory/challenges/ory.challenge.js';
import { ChallengeBinding } from '../providers/ory/hydra/challenge.binding.js';
import { HydraClient } from '../providers/ory/hydra/hydra.client.js';
import { AllowUnverifiedEmail, OptionalSession } from '../session/guards/access.decorators.js';
import { PageSender, localesIn } from './page.sender.js';
import { ConsentPage } from './views/consent.view.js';
import { LogoutPage } from './views/logout.view.js';

/**
 * The pages for Hydra's consent and logout challenges: may this application use the account, and does the person want to log
 * out.
 */
@ApiExcludeController()
@Controller('ui')
@OptionalSession()
@AllowUnverifiedEmail()
export class ChallengeController {
  readonly #consent: OryConsentService;
  readonly #hydra: HydraClient;
  readonly #binding: ChallengeBinding;
  readonly #pages: PageSender;

  constructor(consent: OryConsentService, hydra: HydraClient, binding: ChallengeBinding, pages: PageSender) {
    this.#consent = consent;
    this.#hydra = hydra;
    this.#binding = binding;
    this.#pages = pages;
  }

  @Get('consent')
  async consent(
    @Query('consent_challenge') given: unknown,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const challenge = requireBound(this.#binding, given, request);
    const { request: asked, canRemember } = await this.#consent.request(challenge);
    const { client, requested_scope, oidc_context: hints } = asked;
    const targets = client.redirect_uris ?? [];
    const [target] = targets;
    const page = h(ConsentPage, {
      challenge,
      client: {
        id: client.client_id,
        name: client.client_name ?? null,
        logo: client.logo_uri ?? null,
        redirectHost: target !== undefined && URL.canParse(target) ? new URL(target).host : null,
      },
      scopes: requested_scope ?? [],
      canRemember,
    });
    await this.#pages.send(request, reply, page, { formTargets: targets, locales: hints?.ui_locales ?? [] });
  }

  @Get('logout')
  async logout(
    @Query('logout_challenge') given: unknown,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const challenge = requireBound(this.#binding, given, request);
    const { client, request_url: asked } = await this.#hydra.logoutRequest(challenge);
    const formTargets = client?.redirect_uris ?? [];
    const locales = localesIn(new URLSearchParams(asked?.split('?')[1]).get('ui_locales'));
    await this.#pages.send(request, reply, h(LogoutPage, { challenge }), { formTargets, locales });
  }
}
