import { Controller, Delete, Get, HttpCode, Req, Res } from '@nestjs/common';
import {
  ApiBearerAuth,
  ApiCookieAuth,
  ApiOperation,
  ApiResponse,
  ApiSecurity,
  ApiTags,
} from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AuditService } from '../audit/audit.service.js';
import { auditOf, byThemselves } from '../auth/account.act.js';
import { AccountLife } from '../auth/account-life.service.js';
import { originOf } from '../auth/request.origin.js';
import { ApiProblems } from '../http/openapi.decorators.js';
import { CurrentUser, RequireScope } from '../session/access.decorators.js';
import type { Principal } from '../session/principal.js';
import { SessionCookie } from '../session/session.cookie.js';
import { RequireAuthAge } from '../session/step-up.decorators.js';
import { PersonalData, type PersonalDataDocument, personalDataSchema } from '../users/personal.data.js';

/** Seconds since credentials were given, at most, for what can't be undone. */
const recently = 300;

/** What people can take along, and how they leave. */
@ApiTags('account')
@ApiCookieAuth()
@ApiBearerAuth()
@Controller('api/v1/me')
export class PersonalDataController {
  readonly #data: PersonalData;
  readonly #accounts: AccountLife;
  readonly #audit: AuditService;
  readonly #cookie: SessionCookie;

  constructor(data: PersonalData, accounts: AccountLife, audit: AuditService, cookie: SessionCookie) {
    this.#data = data;
    this.#accounts = accounts;
    this.#audit = audit;
    this.#cookie = cookie;
  }

  @Get('export')
  @RequireScope('profile:read')
  @ApiSecurity('apiKey')
  @ApiOperation({
    summary: 'Everything that is kept about me',
    description: 'One document to download. Secrets and their hashes are not in it.',
  })
  @ApiResponse({ status: 200, description: 'The document.', standardSchema: personalDataSchema })
  @ApiProblems('unauthenticated', 'insufficient_scope', 'not_found', 'database_unavailable')
  async export(
    @CurrentUser() principal: Principal,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<PersonalDataDocument> {
    const { sub } = principal.claims;
    const document = await this.#data.collect(sub);
    await this.#audit.record({
      ...auditOf(byThemselves(principal, originOf(request)), sub),
      type: 'user_exported',
    });
    void reply.header('content-disposition', 'attachment; filename="vestibule-account.json"');
    return document;
  }

  @Delete()
  @HttpCode(204)
  @RequireScope('profile:write')
  @RequireAuthAge(recently)
  @ApiOperation({
    summary: 'Delete my account',
    description:
      'For good, with everything but the audit trail; needs a login within the last 5 minutes. Where Ory is the provider, the person is deleted there too. At Auth0 and OpenID providers the account is theirs and stays: logging in with it again makes a new one here.',
  })
  @ApiResponse({ status: 204, description: 'Deleted; the cookie is gone.' })
  @ApiProblems(
    'unauthenticated',
    'reauthentication_required',
    'insufficient_scope',
    'cross_site_request',
    'not_found',
    'conflict',
    'provider_unavailable',
    'database_unavailable',
  )
  async delete(
    @CurrentUser() principal: Principal,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<void> {
    await this.#accounts.delete(principal.claims.sub, byThemselves(principal, originOf(request)));
    this.#cookie.clear(reply);
  }
}
