import { Body, Controller, Get, HttpCode, Post, Query, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { h } from 'preact';
import { z } from 'zod';
import { CommandLineLogins } from '../oauth/command-line-login.service.js';
import { commandLineRequestSchema } from '../oauth/command-line.schemas.js';
import { CurrentUser } from '../session/guards/access.decorators.js';
import type { Principal } from '../session/principal.js';
import { PageSender } from './page.sender.js';
import { CommandLineCodePage, CommandLinePage } from './views/command-line.view.js';

const decisionSchema = z.object({ decision: z.enum(['allow', 'deny']), session: z.string() });
const answerSchema = z.intersection(commandLineRequestSchema, decisionSchema);

/**
 * The page that approves a login of the command line, in the person's browser. Without a session, the guard sends them to log
 * in first.
 */
@ApiExcludeController()
@Controller('auth/cli')
export class CommandLineController {
  readonly #logins: CommandLineLogins;
  readonly #pages: PageSender;

  constructor(logins: CommandLineLogins, pages: PageSender) {
    this.#logins = logins;
    this.#pages = pages;
  }

  @Get()
  async ask(
    @Query({ schema: commandLineRequestSchema }) asked: z.output<typeof commandLineRequestSchema>,
    @CurrentUser() principal: Principal,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    this.#logins.requireBrowser(principal);
    const { redirect_uri: uri } = asked;
    const page = h(CommandLinePage, {
      device: asked.device,
      redirectHost: uri === undefined ? null : new URL(uri).host,
      fields: { ...asked, session: principal.claims.sid },
    });
    await this.#pages.send(request, reply, page, { formTargets: uri === undefined ? [] : [uri] });
  }

  @Post()
  @HttpCode(200)
  async answer(
    @Body({ schema: answerSchema }) body: z.output<typeof answerSchema>,
    @CurrentUser() principal: Principal,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const isAllowed = body.decision === 'allow';
    const { code, redirect } = isAllowed
      ? await this.#logins.issue(principal, body, body.session)
      : { code: null, redirect: this.#logins.refusal(body) };
    if (redirect !== undefined) {
      await reply.redirect(redirect.href, 303);
      return;
    }
    await this.#pages.send(request, reply, h(CommandLineCodePage, { code }));
  }
}
