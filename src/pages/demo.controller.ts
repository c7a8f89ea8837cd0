import { Controller, Get, Inject, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { h } from 'preact';
import { CONFIGURATION } from '../platform/config/config.module.js';
import type { Configuration } from '../platform/config/configuration.js';
import { Public } from '../session/guards/access.decorators.js';
import { PageSender } from './page-sender.js';
import { DemoPage } from './views/demo.view.js';

/** The example single-page app, which runs steps 6 and 7 of the flow by itself. */
@ApiExcludeController()
@Controller('demo')
@Public()
export class DemoController {
  readonly #configuration: Configuration;

  constructor(
    private readonly pages: PageSender,
    @Inject(CONFIGURATION) configuration: Configuration,
  ) {
    this.#configuration = configuration;
  }

  @Get()
  async page(@Res() reply: FastifyReply): Promise<void> {
    const { TOKEN_AUDIENCE: audience, PUBLIC_URL } = this.#configuration;
    const issuer = `${PUBLIC_URL}/ory/hydra`;
    await this.pages.send(reply, h(DemoPage, { audience, issuer }), { inEnglish: true });
  }
}
