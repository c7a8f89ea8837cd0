import { Body, Controller, Get, HttpCode, Post, Query, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { CommandLineLogins } from '../auth/command-line-login.service.js';
import { commandLineRequestSchema } from '../auth/command-line.schemas.js';
import { CurrentUser } from '../session/access.decorators.js';
import type { Principal } from '../session/principal.js';
import { AssetStore } from './asset.store.js';
import { sendPage } from './page.reply.js';
import { CommandLineCodePage, CommandLinePage } from './views/command-line.view.js';

const decisionSchema = z.object({ decision: z.enum(['allow', 'deny']), session: z.string() });
const answerSchema = z.intersection(commandLineRequestSchema, decisionSchema);

/** The login of a command line, in the person's browser. Without a session the guard sends them to log in first. */
@ApiExcludeController()
@Controller('auth/cli')
export class CommandLineController {
  readonly #logins: CommandLineLogins;
  readonly #assets: AssetStore;

  constructor(logins: CommandLineLogins, assets: AssetStore) {
    this.#logins = logins;
    this.#assets = assets;
  }

  @Get()
  async ask(
    @Query({ schema: commandLineRequestSchema }) request: z.output<typeof commandLineRequestSchema>,
    @CurrentUser() principal: Principal,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    this.#logins.requireBrowser(principal);
    const { redirect_uri: uri } = request;
    const page = CommandLinePage({
      assets: this.#assets.addresses,
      user: principal.user,
      device: request.device,
      redirectHost: uri === undefined ? null : new URL(uri).host,
      fields: { ...request, session: principal.claims.sid },
    });
    await sendPage(reply, page, uri === undefined ? [] : [uri]);
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
      ? await this.#logins.issue(principal, body, body.session)
      : { code: null, redirect: this.#logins.refusal(body) };
    if (redirect !== undefined) {
      await reply.redirect(redirect.href, 303);
      return;
    }
    const { addresses: assets } = this.#assets;
    await sendPage(reply, CommandLineCodePage({ assets, user: principal.user, code }));
  }
}
