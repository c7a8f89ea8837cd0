import { Controller, Get, Inject, Query, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { h } from 'preact';
import { CONFIGURATION } from '../platform/config/config.module.js';
import type { Configuration } from '../platform/config/configuration.js';
import { redirectHostOf } from '../platform/core/redirect-places.js';
import { confirmedDomainOf } from '../orgs/domain-proof.js';
import { OrgRepository } from '../orgs/org.repository.js';
import { OryConsentService } from '../providers/ory/challenges/ory-consent.service.js';
import { requireBound } from '../providers/ory/challenges/ory-challenge.js';
import { deviceCallbackAt } from '../providers/ory/hydra/device-callback.js';
import { ChallengeBinding } from '../providers/ory/hydra/challenge-binding.js';
import type { ConsentRequest } from '../providers/ory/hydra/hydra.schemas.js';
import { HydraClient } from '../providers/ory/hydra/hydra.client.js';
import { AnySession } from '../session/guards/access.decorators.js';
import { isRedirectUriOf } from '../platform/core/loopback.js';
import { PageSender, localesIn } from './page-sender.js';
import { ConsentPage } from './views/consent.view.js';
import { LogoutPage } from './views/logout.view.js';

/**
 * The pages for Hydra's consent and logout challenges: may this application use the account, and does the person want to log
 * out.
 */
@ApiExcludeController()
@Controller('ui')
@AnySession()
export class ChallengeController {
  readonly #deviceCallback: string;

  constructor(
    private readonly consents: OryConsentService,
    private readonly hydra: HydraClient,
    private readonly binding: ChallengeBinding,
    private readonly pages: PageSender,
    private readonly orgs: OrgRepository,
    @Inject(CONFIGURATION) { PUBLIC_URL }: Configuration,
  ) {
    this.#deviceCallback = deviceCallbackAt(PUBLIC_URL);
  }

  @Get('consent')
  async consent(@Query('consent_challenge') given: unknown, @Res() reply: FastifyReply): Promise<void> {
    const challenge = requireBound(this.binding, given, reply.request);
    const {
      request: asked,
      canRemember,
      account,
      orgId,
      target: wanted,
      agent,
    } = await this.consents.request(challenge);
    const { client, requested_scope, oidc_context: hints } = asked;
    const targets = targetsOf(asked);
    const [target] = targets;
    // The address that stands for devices tells nothing about the application.
    const isDevice = target === this.#deviceCallback;
    const redirectHost = target === undefined || isDevice ? undefined : redirectHostOf(target);
    const documentHost = agent?.kind === 'metadata_document' ? hostOf(agent.clientId) : null;
    const organisation = orgId === null ? undefined : await this.orgs.findById(orgId);
    const { client_uri: clientUri, policy_uri: policyUri, tos_uri: tosUri } = client;
    // Another host would learn who is asked, before they have agreed to anything.
    const logo = redirectHost && hostOf(client.logo_uri) === redirectHost ? (client.logo_uri ?? null) : null;
    const page = h(ConsentPage, {
      challenge,
      account,
      client: {
        id: agent === undefined ? client.client_id : (documentHost ?? redirectHost ?? client.client_id),
        name: client.client_name ?? null,
        logo,
        redirectHost,
        unverified: agent && { kind: agent.kind, host: documentHost ?? '' },
        org: organisation && { name: organisation.name, domain: confirmedDomainOf(organisation) },
        // What registered itself links to nothing: no one has looked at its pages.
        links: agent === undefined ? { clientUri, policyUri, tosUri } : undefined,
      },
      resource: wanted && {
        name: wanted.resource.name,
        url: wanted.resource.resource,
        scopes: wanted.resource.scopes,
        minutes: Math.ceil(wanted.tokenTtl / 60),
      },
      scopes: requested_scope ?? [],
      canRemember,
    });
    await this.pages.send(reply, page, {
      formTargets: targets,
      showsPicture: logo !== null,
      locales: hints?.ui_locales ?? [],
    });
  }

  @Get('logout')
  async logout(@Query('logout_challenge') given: unknown, @Res() reply: FastifyReply): Promise<void> {
    const challenge = requireBound(this.binding, given, reply.request);
    const { client, request_url: asked } = await this.hydra.logoutRequest(challenge);
    const formTargets = client?.redirect_uris ?? [];
    const locales = localesIn(new URLSearchParams(asked?.split('?')[1]).get('ui_locales'));
    await this.pages.send(reply, h(LogoutPage, { challenge }), { formTargets, locales });
  }
}

/** The host of a URL; null if it has none, or isn't one. */
function hostOf(url: string | null | undefined): string | null {
  return typeof url === 'string' && URL.canParse(url) ? new URL(url).host : null;
}

/** The redirect URI of a request, if it is one of the client's, before the others. */
function targetsOf({ request_url: url, client }: ConsentRequest): readonly string[] {
  const asked = URL.canParse(url) ? new URL(url).searchParams.get('redirect_uri') : null;
  const own = client.redirect_uris ?? [];
  return asked === null || !isRedirectUriOf(own, asked)
    ? own
    : [asked, ...own.filter((uri) => uri !== asked)];
}
