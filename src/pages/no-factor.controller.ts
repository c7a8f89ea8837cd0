import { Controller, Get, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { h } from 'preact';
import { AnySession } from '../session/guards/access.decorators.js';
import { PageSender } from './page-sender.js';
import { NoFactorPage } from './views/no-factor.view.js';

/** The page that tells a user of a company's login, which gave no second factor, that none can be set up here. */
@ApiExcludeController()
@Controller('ui/second-factor')
export class NoFactorController {
  constructor(private readonly pages: PageSender) {}

  @Get()
  @AnySession()
  async page(@Res() reply: FastifyReply): Promise<void> {
    void reply.header('cache-control', 'no-store');
    await this.pages.send(reply, h(NoFactorPage, {}));
  }
}
