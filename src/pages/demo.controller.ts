import { Controller, Get, Inject, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { CONFIGURATION } from '../config/config.module.js';
import type { Configuration } from '../config/configuration.js';
import { Public } from '../session/access.decorators.js';
import { AssetStore } from './asset.store.js';
import { sendPage } from './page.reply.js';
import { DemoPage } from './views/demo.view.js';

/** The example single-page app, which runs steps 6 and 7 of the flow by itself. */
@ApiExcludeController()
@Controller('demo')
@Public()
export class DemoController {
  readonly #assets: AssetStore;
  readonly #configuration: Configuration;

  constructor(assets: AssetStore, @Inject(CONFIGURATION) configuration: Configuration) {
    this.#assets = assets;
    this.#configuration = configuration;
  }

  @Get()
  async page(@Res() reply: FastifyReply): Promise<void> {
    const { TOKEN_AUDIENCE: audience, PUBLIC_URL } = this.#configuration;
    const issuer = `${PUBLIC_URL}/ory/hydra`;
    await sendPage(reply, DemoPage({ assets: this.#assets.addresses, audience, issuer }));
  }
}
