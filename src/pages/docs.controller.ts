import { Controller, Get, Res } from '@nestjs/common';
import { ApiExcludeController, type OpenAPIObject } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { CurrentUser, OptionalSession, Public } from '../session/access.decorators.js';
import type { Principal } from '../session/principal.js';
import { AssetStore } from './asset.store.js';
import { OpenApiDocument } from './openapi.document.js';
import { sendPage } from './page.reply.js';
import { DocsPage } from './views/docs.view.js';

/** Swagger UI from local files, and the document it shows. */
@ApiExcludeController()
@Controller('docs')
export class DocsController {
  readonly #assets: AssetStore;
  readonly #document: OpenApiDocument;

  constructor(assets: AssetStore, document: OpenApiDocument) {
    this.#assets = assets;
    this.#document = document;
  }

  @Get()
  @OptionalSession()
  async page(
    @CurrentUser({ optional: true }) principal: Principal | undefined,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await sendPage(reply, DocsPage({ assets: this.#assets.addresses, user: principal?.user }));
  }

  @Get('openapi.json')
  @Public()
  document(): OpenAPIObject {
    return this.#document.get();
  }
}
