import { Controller, Get, Inject, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { h } from 'preact';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { Configuration } from '../../platform/config/configuration.js';
import { RequireRole } from '../../session/guards/access.decorators.js';
import { PageSender } from '../page-sender.js';
import { ApplicationsElsewherePage } from '../views/admin/applications-elsewhere.view.js';

/** The administration's page of applications where another provider registers them: it states where. */
@ApiExcludeController()
@Controller('admin/applications')
@RequireRole('admin')
export class ApplicationsElsewhereController {
  readonly #issuer: string | undefined;

  constructor(
    private readonly pages: PageSender,
    @Inject(CONFIGURATION) configuration: Configuration,
  ) {
    this.#issuer = configuration.AUTH_PROVIDER === 'oidc' ? configuration.OIDC_ISSUER : undefined;
  }

  @Get()
  async state(@Res() reply: FastifyReply): Promise<void> {
    await this.pages.send(reply, h(ApplicationsElsewherePage, { issuer: this.#issuer }));
  }
}
