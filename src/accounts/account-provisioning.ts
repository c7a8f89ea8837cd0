import { Injectable } from '@nestjs/common';
import { AuditService } from '../directory/audit/audit.service.js';
import { SecurityNotices } from '../directory/notices/security-notices.js';
import type { ProviderIdentity } from '../directory/users/identity.js';
import {
  type Admit,
  type ProvidedUser,
  type RecordedLogin,
  UsersService,
} from '../directory/users/users.service.js';
import type { UserRow } from '../platform/database/database.schema.js';
import type { ClientInfo } from '../platform/http/client-info.js';

/** Provisions accounts: who is new, and whose account another login opens from now on, is in the audit trail, and is told by mail. */
@Injectable()
export class AccountProvisioning {
  constructor(
    private readonly users: UsersService,
    private readonly audit: AuditService,
    private readonly notices: SecurityNotices,
  ) {}

  /** The account of a login at the gateway, as `UsersService.recordLogin` gives it. */
  async recordLogin(identity: ProviderIdentity, admit: Admit, client: ClientInfo): Promise<RecordedLogin> {
    const login = await this.users.recordLogin(identity, admit);
    await this.#tell(login.user.id, login, client);
    return login;
  }

  /** The account of a login at another application, as `UsersService.provide` gives it. */
  async provide(
    identity: ProviderIdentity,
    admit: Admit<'none'>,
    client: ClientInfo,
  ): Promise<UserRow | undefined> {
    const provided = await this.users.provide(identity, admit);
    if (provided !== undefined) {
      await this.#tell(provided.user.id, provided, client);
    }
    return provided?.user;
  }

  async #tell(
    userId: string,
    { created, linked }: Pick<ProvidedUser, 'created' | 'linked'>,
    client: ClientInfo,
  ): Promise<void> {
    if (created) {
      await this.audit.record({ type: 'user_created', userId, ...client, reason: 'first_login' });
    }
    if (linked !== undefined) {
      void this.notices.tell('login_linked', linked);
      await this.audit.record({ type: 'identity_linked', userId, ...client, reason: 'verified_email' });
    }
  }
}
