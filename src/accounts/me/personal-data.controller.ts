import { Res } from '@nestjs/common';
import { ApiSecurity } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { AuditService } from '../../directory/audit/audit.service.js';
import { auditFieldsOf, byThemselves } from '../actor.context.js';
import { AccountLifecycle } from '../account-lifecycle.service.js';
import { CurrentCaller } from '../../session/guards/caller.decorator.js';
import { ApiController, ApiRoute } from '../../session/guards/api.route.js';
import type { Caller } from '../../session/principal.js';
import { SessionCookie } from '../../session/cookie/session.cookie.js';
import { RequireAuthAge } from '../../session/guards/step-up.decorators.js';
import {
  PersonalData,
  type PersonalDataDocument,
  personalDataSchema,
} from '../../directory/users/personal.data.js';

/** Maximum age of a login, in seconds, for an action that can't be undone. */
const recently = 300;

/** The routes that export the caller's personal data and delete their account. */
@ApiController('api/v1/me', {
  tag: 'account',
  credentials: ['bearer', 'cookie'],
  problems: ['database_unavailable'],
})
export class PersonalDataController {
  readonly #data: PersonalData;
  readonly #accounts: AccountLifecycle;
  readonly #audit: AuditService;
  readonly #cookie: SessionCookie;

  constructor(data: PersonalData, accounts: AccountLifecycle, audit: AuditService, cookie: SessionCookie) {
    this.#data = data;
    this.#accounts = accounts;
    this.#audit = audit;
    this.#cookie = cookie;
  }

  @ApiRoute('GET', 'export', {
    scope: 'profile:read',
    summary: 'Everything that is kept about me',
    description: 'One document to download. Secrets and their hashes are not in it.',
    answer: { description: 'The document.', schema: personalDataSchema },
    problems: ['not_found'],
  })
  @ApiSecurity('apiKey')
  async export(
    @CurrentCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<PersonalDataDocument> {
    const { sub } = caller.principal.claims;
    const document = await this.#data.collect(sub);
    await this.#audit.record({ ...auditFieldsOf(byThemselves(caller), sub), type: 'user_exported' });
    void reply.header('content-disposition', 'attachment; filename="vestibule-account.json"');
    return document;
  }

  @ApiRoute('DELETE', '', {
    scope: 'profile:write',
    summary: 'Delete my account',
    description:
      'For good, with everything but the audit trail; needs a login within the last 5 minutes. Where Ory is the provider, the person is deleted there too. At Auth0 and OpenID providers the account is theirs and stays: logging in with it again makes a new one here.',
    answer: { description: 'Deleted; the cookie is gone.' },
    problems: ['not_found', 'conflict', 'provider_unavailable'],
  })
  @RequireAuthAge(recently)
  async delete(
    @CurrentCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<void> {
    await this.#accounts.delete(caller.principal.claims.sub, byThemselves(caller));
    this.#cookie.clear(reply);
  }
}
