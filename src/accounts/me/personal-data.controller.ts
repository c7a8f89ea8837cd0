import { Res } from '@nestjs/common';
import { ApiSecurity } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { ApiKeysService } from '../../api-keys/api-keys.service.js';
import { AuditService } from '../../directory/audit/audit.service.js';
import { orgConnectionOf } from '../../directory/users/connection-identity.js';
import { UserDirectory } from '../../directory/users/user-directory.js';
import { loginByConnection } from '../../directory/users/vouching-rules.js';
import { auditFieldsOf, byThemselves } from '../actor-context.js';
import { AccountLifecycle } from '../account-lifecycle.service.js';
import { CurrentCaller } from '../../session/guards/caller.decorators.js';
import { ApiController, ApiRoute } from '../../session/guards/api-route.js';
import type { Caller } from '../../session/principal.js';
import { SessionCookie } from '../../session/cookie/session-cookie.js';
import { RequireAuthAge } from '../../session/guards/step-up.decorators.js';
import {
  PersonalData,
  type PersonalDataDocument,
  personalDataSchema,
} from '../../directory/users/personal-data.js';

/** Maximum age of a login, in seconds, for an action that can't be undone. */
const recently = 300;

/** The routes that export the caller's personal data and delete their account. */
@ApiController('api/v1/me', {
  tag: 'account',
  credentials: ['bearer', 'cookie'],
  problems: ['database_unavailable'],
})
export class PersonalDataController {
  constructor(
    private readonly data: PersonalData,
    private readonly accounts: AccountLifecycle,
    private readonly keys: ApiKeysService,
    private readonly directory: UserDirectory,
    private readonly audit: AuditService,
    private readonly cookie: SessionCookie,
  ) {}

  @ApiRoute('GET', 'export', {
    scope: 'profile:read',
    summary: 'Export my personal data',
    description:
      'Returns all data stored about the caller as one document to download. Secrets and their hashes aren’t included.',
    answer: { description: 'The exported data.', schema: personalDataSchema },
    problems: ['not_found'],
  })
  @ApiSecurity('apiKey')
  async export(
    @CurrentCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<PersonalDataDocument> {
    const { sub } = caller.principal.claims;
    const document = await this.data.collect(sub);
    await this.audit.record({ ...auditFieldsOf(byThemselves(caller), sub), type: 'user_exported' });
    void reply.header('content-disposition', 'attachment; filename="vestibule-account.json"');
    return document;
  }

  @ApiRoute('DELETE', '', {
    scope: 'profile:write',
    summary: 'Delete my account',
    description:
      'Deletes the account permanently, with all its data except the audit trail. The caller must have logged in within the last 5 minutes, and, if the account has another login too, not by an organisation’s connection. With Ory as the login provider, the user is also deleted there. With Auth0 or another OpenID provider, the account there stays: logging in with it again creates a new account here.',
    answer: { description: 'Deleted; the session cookie is cleared.' },
    problems: ['not_found', 'conflict', 'owner_needed', 'provider_unavailable'],
  })
  @RequireAuthAge(recently)
  async delete(
    @CurrentCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<void> {
    await this.#requireOwnLogin(caller);
    await this.accounts.delete(caller.principal.claims.sub, byThemselves(caller));
    this.cookie.clear(reply);
  }

  /** Requires another login than that of an organisation's connection, whose owner could delete what a user has here besides. */
  async #requireOwnLogin({ principal }: Caller): Promise<void> {
    const isVouched = (await this.keys.vouchingOrgOf(principal)) !== null;
    const identities = isVouched ? await this.directory.identitiesOf(principal.claims.sub) : [];
    if (identities.some(({ issuer }) => orgConnectionOf(issuer) === undefined)) {
      throw loginByConnection();
    }
  }
}
