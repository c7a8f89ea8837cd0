import { Body, Controller, HttpCode, Param, Post, Req, Res } from '@nestjs/common';
import {
  ApiBearerAuth,
  ApiBody,
  ApiCookieAuth,
  ApiOperation,
  ApiParam,
  ApiResponse,
  ApiSecurity,
  ApiTags,
} from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { RateLimited } from '../auth/rate-limited.decorator.js';
import { originOf } from '../auth/request.origin.js';
import { entityTag } from '../http/entity.tag.js';
import { ApiProblems } from '../http/openapi.decorators.js';
import { CurrentUser, RequireRole, RequireScope } from '../session/access.decorators.js';
import type { Principal } from '../session/principal.js';
import { OrgDomains } from './org.domains.service.js';
import { domainConfirmationProperties, orgIdParameter } from './org.parameters.js';
import { domainConfirmationSchema, orgSchema } from './org.schemas.js';
import { OrgsService } from './orgs.service.js';

/** How an organisation's e-mail domain is confirmed. */
@ApiTags('orgs')
@ApiCookieAuth()
@ApiBearerAuth()
@ApiSecurity('apiKey')
@ApiParam(orgIdParameter)
@Controller('api/v1/orgs/:id/domain')
export class OrgDomainsController {
  readonly #domains: OrgDomains;
  readonly #orgs: OrgsService;

  constructor(domains: OrgDomains, orgs: OrgsService) {
    this.#domains = domains;
    this.#orgs = orgs;
  }

  @Post('check')
  @HttpCode(200)
  @RequireScope('orgs:write')
  @RateLimited('domain-address', 'all')
  @ApiOperation({
    summary: 'Look for the DNS record of a domain',
    description:
      'For owners. The domain is confirmed when its TXT record is there (`domainRecord` of the organisation). It is looked for again every day, and lost when it is absent for three days.',
  })
  @ApiResponse({ status: 200, description: 'Confirmed.', standardSchema: orgSchema })
  @ApiProblems(
    'unauthenticated',
    'insufficient_scope',
    'forbidden',
    'cross_site_request',
    'not_found',
    'conflict',
    'rate_limited',
  )
  async check(
    @Param('id') id: string,
    @CurrentUser() principal: Principal,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.output<typeof orgSchema>> {
    await this.#domains.check({ principal, origin: originOf(request) }, id);
    return this.#read(principal, id, reply);
  }

  @Post('confirm')
  @HttpCode(200)
  @RequireRole('admin')
  @RequireScope('orgs:write')
  @ApiOperation({
    summary: 'Confirm a domain without DNS',
    description:
      'For administrators of the deployment who know that the domain is the organisation’s, such as in an air gap.',
  })
  @ApiBody({ schema: { type: 'object', required: ['domain'], properties: domainConfirmationProperties } })
  @ApiResponse({ status: 200, description: 'Confirmed.', standardSchema: orgSchema })
  @ApiProblems(
    'validation_failed',
    'unauthenticated',
    'insufficient_scope',
    'forbidden',
    'cross_site_request',
    'not_found',
    'conflict',
    'unsupported_media_type',
  )
  async confirm(
    @Param('id') id: string,
    @Body({ schema: domainConfirmationSchema }) { domain }: z.output<typeof domainConfirmationSchema>,
    @CurrentUser() principal: Principal,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.output<typeof orgSchema>> {
    await this.#domains.confirm({ principal, origin: originOf(request) }, id, domain);
    return this.#read(principal, id, reply);
  }

  async #read(principal: Principal, id: string, reply: FastifyReply): Promise<z.output<typeof orgSchema>> {
    const { answer, version } = await this.#orgs.read(principal, id);
    void reply.header('etag', entityTag(version));
    return answer;
  }
}
