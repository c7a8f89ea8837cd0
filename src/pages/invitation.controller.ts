import { Controller, Get, Query, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { h } from 'preact';
import { PageSender } from './page.sender.js';
import { InvitationPage } from './views/invitation.view.js';

/** Where the link of an invitation leads whoever is logged in already. */
@ApiExcludeController()
@Controller('invitation')
export class InvitationController {
  readonly #pages: PageSender;

  constructor(pages: PageSender) {
    this.#pages = pages;
  }

  @Get()
  async ask(
    @Query('invite') invite: unknown,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    if (typeof invite !== 'string' || invite === '') {
      await reply.redirect('/', 302);
      return;
    }
    void reply.header('cache-control', 'no-store');
    await this.#pages.send(request, reply, h(InvitationPage, { invite }));
  }
}
