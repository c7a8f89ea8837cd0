import { Body, Controller, Get, Post, Query, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { isAgentId } from '../hydra/agent-client.js';
import { ChallengeBinding } from '../hydra/challenge-binding.js';
import { clientInfoOf } from '../../../platform/http/client-info.js';
import { Clock } from '../../../platform/time/clock.service.js';
import { Public } from '../../../session/guards/access.decorators.js';
import { OryConsentService } from './ory-consent.service.js';
import { requireBound } from './ory-challenge.js';

const formSchema = z.object({
  consent_challenge: z.string(),
  decision: z.enum(['allow', 'deny', 'other_account']),
  grant_scope: z.union([z.string().transform((scope) => [scope]), z.array(z.string())]).default([]),
  remember: z.string().optional(),
});

/** The routes of Hydra's consent challenge: answered at once for our own clients, by a page for any other. */
@ApiExcludeController()
@Controller('auth/ory/consent')
export class OryConsentController {
  constructor(
    private readonly consent: OryConsentService,
    private readonly binding: ChallengeBinding,
    private readonly clock: Clock,
  ) {}

  @Get()
  @Public()
  async start(
    @Query('consent_challenge') given: unknown,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const challenge = requireBound(this.binding, given, request);
    const page = `/ui/consent?${new URLSearchParams({ consent_challenge: challenge })}`;
    await reply.redirect((await this.consent.grantUnasked(challenge, clientInfoOf(request))) ?? page, 302);
  }

  @Post()
  @Public()
  async decide(
    @Body({ schema: formSchema }) form: z.output<typeof formSchema>,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const challenge = requireBound(this.binding, form.consent_challenge, request);
    if (form.decision === 'other_account') {
      await reply.redirect(await this.consent.changeAccount(challenge), 303);
      return;
    }
    const decision = {
      allow: form.decision === 'allow',
      scope: form.grant_scope,
      remember: form.remember !== undefined,
    };
    const target = await this.consent.decide(challenge, decision, clientInfoOf(request));
    if (isAgentId(new URL(target).searchParams.get('client_id') ?? '')) {
      // Without it, a refusal isn't passed on to a client that registered itself.
      this.binding.bindAnswer(reply, target, this.clock.now());
    }
    await reply.redirect(target, 303);
  }
}
