import { Body, Param, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import { RateLimited } from '../../session/guards/rate-limited.decorators.js';
import { entityTag } from '../../platform/http/entity-tag.js';
import { RequireRole } from '../../session/guards/access.decorators.js';
import { CurrentCaller } from '../../session/guards/caller.decorators.js';
import { ApiController, ApiRoute } from '../../session/guards/api-route.js';
import type { Caller, Principal } from '../../session/principal.js';
import { orgProblems } from './org-problems.js';
import { OrgDomains } from './org-domains.service.js';
import { orgSchema } from '../../orgs/org.schemas.js';
import { domainConfirmationSchema } from './org-management.schemas.js';
import { OrgsService } from './orgs.service.js';

/** The routes that confirm an organisation's e-mail domain. */
@ApiController('api/v1/orgs/:id/domain', {
  tag: 'orgs',
  ids: { id: 'Id of the organisation.' },
  problems: ['reauthentication_required'],
})
export class OrgDomainsController {
  constructor(
    private readonly domains: OrgDomains,
    private readonly orgs: OrgsService,
  ) {}

  @ApiRoute('POST', 'check', {
    scope: 'orgs:write',
    summary: 'Check the DNS record of a domain',
    description:
      'For owners. Confirms the organisation’s domain if its TXT record (`domainRecord`) is found. The record is then checked every day; if it is missing for three days, the domain is lost.',
    answer: { description: 'Confirmed.', schema: orgSchema },
    problems: ['forbidden', 'not_found', 'conflict', orgProblems.domain_unconfirmed, 'rate_limited'],
  })
  @RateLimited('domain-address', 'all')
  async check(
    @Param('id') id: string,
    @CurrentCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.output<typeof orgSchema>> {
    await this.domains.check(caller, id);
    return this.#read(caller.principal, id, reply);
  }

  @ApiRoute('POST', 'confirm', {
    scope: 'orgs:write',
    recentLogin: true,
    summary: 'Confirm a domain without DNS',
    description:
      'For administrators of the deployment who know that the domain belongs to the organisation, for example in an air-gapped network.',
    answer: { description: 'Confirmed.', schema: orgSchema },
    problems: ['not_found', 'conflict', orgProblems.domain_unconfirmed],
  })
  @RequireRole('admin')
  async confirm(
    @Param('id') id: string,
    @Body({ schema: domainConfirmationSchema }) { domain }: z.output<typeof domainConfirmationSchema>,
    @CurrentCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.output<typeof orgSchema>> {
    await this.domains.confirm(caller, id, domain);
    return this.#read(caller.principal, id, reply);
  }

  async #read(principal: Principal, id: string, reply: FastifyReply): Promise<z.output<typeof orgSchema>> {
    const { answer, version } = await this.orgs.read(principal, id);
    void reply.header('etag', entityTag(version));
    return answer;
  }
}
