import { Controller } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { ApplicationPagesController } from './application-pages.controller.js';
import { ApplicationPages, type Visit } from './application.pages.js';
import { OrgPages, orgPage, orgPath } from '../../../pages/orgs/org.pages.js';

/** The pages of an organisation's applications, for its owners. */
@ApiExcludeController()
@Controller('orgs/:id/applications')
export class OrgApplicationsPageController extends ApplicationPagesController {
  constructor(
    protected override readonly applications: ApplicationPages,
    private readonly orgs: OrgPages,
  ) {
    super();
  }

  protected override async visit(reply: FastifyReply, id = ''): Promise<Visit> {
    const org = await this.orgs.open(reply, id);
    const place = { path: orgPage(id, '/applications'), org };
    return { reply, place, api: orgPath(id, '/applications') };
  }
}
