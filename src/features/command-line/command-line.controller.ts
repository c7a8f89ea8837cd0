import { Body, Controller, Get, HttpCode, Post, Query, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { h } from 'preact';
import { z } from 'zod';
import { CommandLineLogins } from './command-line-login.service.js';
import { commandLineRequestSchema } from './command-line.schemas.js';
import { CurrentUser } from '../../session/guards/access.decorators.js';
import { RequireRecentLogin } from '../../session/guards/step-up.decorators.js';
import type { Principal } from '../../session/principal.js';
import { PageSender } from '../../pages/page-sender.js';
import { CommandLineCodePage, CommandLinePage } from './command-line.view.js';

const decisionSchema = z.object({ decision: z.enum(['allow', 'deny']), session: z.string() });
const answerSchema = z.intersection(commandLineRequestSchema, decisionSchema);

/**
 * The page that approves a login of the command line, in the person's browser. Without a session, the guard sends them to log
 * in first, and again after `SENSITIVE_AUTH_AGE`: it makes an API key.
 */
@ApiExcludeController()
@Controller('auth/cli')
@RequireRecentLogin()
export class CommandLineController {
  constructor(
    private readonly logins: CommandLineLogins,
    private readonly pages: PageSender,
  ) {}

  @Get()
  async ask(
    @Query({ schema: commandLineRequestSchema }) asked: z.output<typeof commandLineRequestSchema>,
    @CurrentUser() principal: Principal,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    this.logins.requireBrowser(principal);
    const { redirect_uri: uri } = asked;
    const page = h(CommandLinePage, {
      device: asked.device,
      redirectHost: uri === undefined ? null : new URL(uri).host,
      fields: { ...asked, session: principal.claims.sid },
    });
    await this.pages.send(reply, page, { formTargets: uri === undefined ? [] : [uri] });
  }

  @Post()
  @HttpCode(200)
  async answer(
    @Body({ schema: answerSchema }) body: z.output<typeof answerSchema>,
    @CurrentUser() principal: Principal,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const isAllowed = body.decision === 'allow';
    const { code, redirect } = isAllowed
      ? await this.logins.issue(principal, body, body.session)
      : { code: null, redirect: this.logins.refusal(body) };
    if (redirect !== undefined) {
      await reply.redirect(redirect.href, 303);
      return;
    }
    await this.pages.send(reply, h(CommandLineCodePage, { code }));
  }
}
