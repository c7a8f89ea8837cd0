import { Global, Module } from '@nestjs/common';
import { AuditModule } from '../directory/audit/audit.module.js';
import { CoreModule } from '../platform/core/core.module.js';
import { DatabaseModule } from '../platform/database/database.module.js';
import { SessionModule } from '../session/session.module.js';
import { UsersModule } from '../directory/users/users.module.js';
import { OrphanedApplications } from './orphaned-applications.js';
import { ProductNames } from './product-names.js';
import { ApiKeysModule } from '../api-keys/api-keys.module.js';
import { KeyAccounts } from '../api-keys/key-accounts.port.js';
import { DomainAutoJoin } from '../accounts/domain-auto-join.js';
import { Invites } from '../accounts/invites.js';
import { OrgAutoJoin } from '../accounts/org-auto-join.port.js';
import { LimitsModule } from '../directory/rate-limit/limits.module.js';
import { DomainRechecks } from './domain-rechecks.js';
import { DomainRecords } from './domain-records.js';
import { MembershipRepository } from './membership.repository.js';
import { OrgEvents } from './org-events.js';
import { OrgKeyAccounts } from './org-key-accounts.js';
import { OrgNames } from './org-names.js';
import { OrgLoginAutoJoin } from './org-auto-join.js';
import { OrgRepository } from './org.repository.js';
import { OwnLogins } from './own-logins.js';

/**
 * The module of memberships in organisations. It is global because it implements two ports of modules below it. Logins join organisations
 * by {@link OrgAutoJoin}, and {@link KeyAccounts} makes API keys' service accounts members.
 */
@Global()
@Module({
  imports: [CoreModule, DatabaseModule, AuditModule, SessionModule, UsersModule, LimitsModule, ApiKeysModule],
  providers: [
    OrgRepository,
    MembershipRepository,
    OrgEvents,
    OrgNames,
    OrphanedApplications,
    ProductNames,
    DomainAutoJoin,
    DomainRechecks,
    DomainRecords,
    Invites,
    OwnLogins,
    { provide: OrgAutoJoin, useClass: OrgLoginAutoJoin },
    { provide: KeyAccounts, useClass: OrgKeyAccounts },
  ],
  exports: [
    DomainAutoJoin,
    DomainRecords,
    Invites,
    KeyAccounts,
    MembershipRepository,
    OrgAutoJoin,
    OrgEvents,
    OrgNames,
    OrgRepository,
    OrphanedApplications,
    OwnLogins,
  ],
})
export class OrgsModule {}
