import { Controller, Get, Req, Res } from '@nestjs/common';
import { ApiExcludeController, type OpenAPIObject } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { h } from 'preact';
import {
  AllowUnverifiedEmail,
  AllowWithoutSecondFactor,
  OptionalSession,
  Public,
} from '../session/guards/access.decorators.js';
import { OpenApiDocument } from './openapi-document.js';
import { PageSender } from './page-sender.js';
import { DocsPage } from './views/docs.view.js';

/** Swagger UI from local files, and the document it shows. */
@ApiExcludeController()
@Controller('docs')
export class DocsController {
  readonly #document: OpenApiDocument;

  constructor(
    private readonly pages: PageSender,
    document: OpenApiDocument,
  ) {
    this.#document = document;
  }

  @Get()
  @OptionalSession()
  @AllowUnverifiedEmail()
  @AllowWithoutSecondFactor()
  async page(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.pages.send(request, reply, h(DocsPage, {}), { inEnglish: true });
  }

  @Get('openapi.json')
  @Public()
  document(): OpenAPIObject {
    return this.#document.get();
  }
}
