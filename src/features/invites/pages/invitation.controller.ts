import { Body, Controller, Get, Inject, Post, Query, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { h } from 'preact';
import { z } from 'zod';
import { invitationPath, inviteTokenIn } from '../../../accounts/invite-link.js';
import { RateLimited } from '../../../session/guards/rate-limited.decorators.js';
import { CONFIGURATION } from '../../../platform/config/config.module.js';
import type { Configuration } from '../../../platform/config/configuration.js';
import { Problem } from '../../../platform/errors/problem.error.js';
import { safeReturnTo } from '../../../platform/http/return-target.js';
import { InviteLookup } from '../invite-lookup.js';
import { redeemedSchema } from '../invite.schemas.js';
import { orgSchema } from '../../../orgs/org.schemas.js';
import { CurrentUser, OptionalSession } from '../../../session/guards/access.decorators.js';
import type { Principal } from '../../../session/principal.js';
import { ApiClient } from '../../../pages/api.client.js';
import { formField } from '../../../pages/form-answer.js';
import { PageSender } from '../../../pages/page-sender.js';
import {
  InvitationAcceptedPage,
  InvitationGonePage,
  InvitationPage,
  type InvitationRefusal,
} from '../views/invitation.view.js';

const formSchema = z.object({ invite: formField, return_to: formField });

/** The page that an invite's link opens: it shows the invite and has a form that accepts it. */
@ApiExcludeController()
@Controller('invitation')
export class InvitationController {
  readonly #publicUrl: string;

  constructor(
    private readonly api: ApiClient,
    private readonly invites: InviteLookup,
    private readonly pages: PageSender,
    @Inject(CONFIGURATION) configuration: Configuration,
  ) {
    this.#publicUrl = configuration.PUBLIC_URL;
  }

  @Get()
  @OptionalSession()
  @RateLimited('start-address', 'all')
  async ask(
    @Query('invite') given: unknown,
    @Query('return_to') returnTo: unknown,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const token = inviteTokenIn(given);
    if (token === undefined) {
      await reply.redirect('/', 302);
      return;
    }
    await this.#send(reply, { token, returnTo: safeReturnTo(returnTo, this.#publicUrl) });
  }

  /** Accepts the invite. Neither opening a link nor logging in makes anyone a member. */
  @Post()
  @OptionalSession()
  async accept(
    @Body({ schema: formSchema }) form: z.output<typeof formSchema>,
    @CurrentUser({ optional: true }) principal: Principal | undefined,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const token = inviteTokenIn(form.invite) ?? '';
    const returnTo = safeReturnTo(form.return_to, this.#publicUrl);
    if (principal === undefined) {
      await reply.redirect(invitationPath(token, returnTo), 303);
      return;
    }
    const call = { method: 'POST', path: '/api/v1/invites/redeem', body: { token } } as const;
    try {
      const { orgId } = await this.api.change(reply, call, redeemedSchema);
      if (orgId === null || !this.pages.hasFeature('organisations')) {
        await reply.redirect(returnTo, 303);
        return;
      }
      const query = new URLSearchParams({ org: orgId, ...(returnTo === '/' ? {} : { return_to: returnTo }) });
      await reply.redirect(`/invitation/accepted?${query}`, 303);
    } catch (error) {
      const refusal = refusalOf(error);
      await this.#send(reply.code(403), { token, returnTo, refusal });
    }
  }

  @Get('accepted')
  async accepted(
    @Query('org') id: unknown,
    @Query('return_to') returnTo: unknown,
    @CurrentUser() { claims }: Principal,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const path = `/api/v1/orgs/${encodeURIComponent(typeof id === 'string' ? id : '')}`;
    const org = await this.api.read(reply.request, path, orgSchema);
    const next = safeReturnTo(returnTo, this.#publicUrl);
    const page = h(InvitationAcceptedPage, { org, isActive: claims.org?.id === org.id, next });
    await this.pages.send(reply, page);
  }

  async #send(
    reply: FastifyReply,
    asked: { readonly token: string; readonly returnTo: string; readonly refusal?: InvitationRefusal },
  ): Promise<void> {
    // This page's URL contains the token, so the next requests' referrer must not contain more than the origin. Not
    // no-referrer: see defaultHeaders.
    void reply.headers({ 'cache-control': 'no-store', 'referrer-policy': 'strict-origin' });
    const { token, returnTo, refusal } = asked;
    const invite = await this.invites.findOpen(token);
    if (invite === undefined) {
      await this.pages.send(reply.code(410), h(InvitationGonePage, {}));
      return;
    }
    const { orgName, inviterName, role, mailedTo, opensSignUp } = invite;
    const shown = { orgName, inviterName, role, mailedTo, opensSignUp, isForAddress: invite.email !== null };
    await this.pages.send(reply, h(InvitationPage, { token, returnTo, invite: shown, refusal }));
  }
}

/** Why the invite was not accepted. @throws the error itself, if it isn't about the invite. */
function refusalOf(error: unknown): InvitationRefusal {
  switch (error instanceof Problem ? error.code : undefined) {
    case 'gone':
    case 'validation_failed':
      return 'gone';
    case 'email_unverified':
      return 'unverified';
    case 'forbidden':
      return 'otherAddress';
    default:
      throw error;
  }
}
