import { Controller, Get, Res } from '@nestjs/common';
import { ApiExcludeController, type OpenAPIObject } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { h } from 'preact';
import { AnySession, Public } from '../session/guards/access.decorators.js';
import { OpenApiDocument } from './openapi-document.js';
import { PageSender } from './page-sender.js';
import { DocsPage } from './views/docs.view.js';

/** Swagger UI from local files, and the document it shows. */
@ApiExcludeController()
@Controller('docs')
export class DocsController {
  constructor(
    private readonly pages: PageSender,
    private readonly openApi: OpenApiDocument,
  ) {}

  @Get()
  @AnySession()
  async page(@Res() reply: FastifyReply): Promise<void> {
    await this.pages.send(reply, h(DocsPage, {}), { inEnglish: true });
  }

  @Get('openapi.json')
  @Public()
  document(): OpenAPIObject {
    return this.openApi.get();
  }
}
