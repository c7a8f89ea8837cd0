import { Controller, Get, Res } from '@nestjs/common';
import { ApiExcludeController, type OpenAPIObject } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Public } from '../session/access.decorators.js';
import { AssetStore } from './asset.store.js';
import { OpenApiDocument } from './openapi.document.js';
import { sendPage } from './page.reply.js';
import { DocsPage } from './views/docs.view.js';

/** Swagger UI from local files, and the document it shows. */
@ApiExcludeController()
@Controller('docs')
@Public()
export class DocsController {
  readonly #assets: AssetStore;
  readonly #document: OpenApiDocument;

  constructor(assets: AssetStore, document: OpenApiDocument) {
    this.#assets = assets;
    this.#document = document;
  }

  @Get()
  async page(@Res() reply: FastifyReply): Promise<void> {
    await sendPage(reply, DocsPage({ assets: this.#assets.addresses }));
  }

  @Get('openapi.json')
  document(): OpenAPIObject {
    return this.#document.get();
  }
}
