import { Injectable } from '@nestjs/common';
import { AuditService } from '../../../directory/audit/audit.service.js';
import { UserDirectory } from '../../../directory/users/user-directory.js';
import type { IdentityKey, ProviderIdentity } from '../../../directory/users/identity.js';
import type { ClientInfo } from '../../../platform/http/client-info.js';
import { ApplicationLogins } from './application-logins.js';
import { ApplicationUses } from './application-uses.js';
import { isOwnClient } from './hydra-clients.js';
import type { ConsentRequest } from './hydra.schemas.js';

/** A consent, and where the user who gives it is. */
export interface GivenConsent {
  readonly request: ConsentRequest;
  readonly identity: ProviderIdentity;
  readonly client: ClientInfo;
}

/** Records what came of consent challenges: that an application is used, and that its user has agreed. */
@Injectable()
export class ConsentRecorder {
  constructor(
    private readonly uses: ApplicationUses,
    private readonly logins: ApplicationLogins,
    private readonly audit: AuditService,
    private readonly users: UserDirectory,
  ) {}

  /** Records a login of an application. The gateway's own clients are none. */
  noteUse(identity: IdentityKey, request: ConsentRequest): void {
    const { client, skip } = request;
    if (!isOwnClient(client.client_id)) {
      this.uses.note(identity, client.client_id, { isConsent: skip !== true });
      this.logins.loggedIn(request);
    }
  }

  /** Records in the audit trail that a user has given an application these scopes. */
  async noteConsent(
    { request, identity, client: { requestId, remoteAddress } }: GivenConsent,
    scope: readonly string[],
  ): Promise<void> {
    // Who has only ever logged in at other applications has no account here.
    const user = await this.users.ofIdentity(identity);
    await this.audit.record({
      type: 'application_access_granted',
      userId: user?.id,
      target: { kind: 'application', id: request.client.client_id },
      reason: scope.join(' '),
      actor: { id: user?.id ?? null, credential: 'form' },
      requestId,
      remoteAddress,
    });
  }
}
