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
import { OrgAutoJoin } from '../accounts/org-auto-join.port.js';
import { LimitsModule } from '../directory/rate-limit/limits.module.js';
import { LanguagesModule } from '../platform/i18n/languages.module.js';
import { MailModule } from '../platform/mail/mail.module.js';
import { AccountInvitesController } from './account-invites.controller.js';
import { AccountInvites } from './account-invites.service.js';
import { DomainRechecks } from './domain-rechecks.js';
import { DomainRecords } from './domain-records.js';
import { InviteDelivery } from './invite-delivery.js';
import { InviteLookup } from './invite-lookup.js';
import { InviteRedemption } from './invite-redemption.js';
import { InviteRepository } from './invite.repository.js';
import { MembershipRepository } from './membership.repository.js';
import { OrgEvents } from './org-events.js';
import { OrgKeyAccounts } from './org-key-accounts.js';
import { OrgNames } from './org-names.js';
import { OrgLoginAutoJoin } from './org-auto-join.js';
import { OrgRepository } from './org.repository.js';
import { OwnLogins } from './own-logins.js';

/**
 * The module of memberships in organisations, and of invites as they are accepted. It is global because it implements two ports of modules
 * below it. Logins join organisations by {@link OrgAutoJoin}, and {@link KeyAccounts} makes API keys' service accounts members.
 */
@Global()
@Module({
  imports: [
    CoreModule,
    DatabaseModule,
    AuditModule,
    SessionModule,
    UsersModule,
    LanguagesModule,
    MailModule,
    LimitsModule,
    ApiKeysModule,
  ],
  controllers: [AccountInvitesController],
  providers: [
    OrgRepository,
    MembershipRepository,
    InviteRepository,
    OrgEvents,
    OrgNames,
    OrphanedApplications,
    ProductNames,
    DomainAutoJoin,
    DomainRechecks,
    DomainRecords,
    OwnLogins,
    AccountInvites,
    InviteDelivery,
    InviteLookup,
    InviteRedemption,
    { provide: OrgAutoJoin, useClass: OrgLoginAutoJoin },
    { provide: KeyAccounts, useClass: OrgKeyAccounts },
  ],
  exports: [
    DomainAutoJoin,
    DomainRecords,
    InviteDelivery,
    InviteLookup,
    InviteRedemption,
    InviteRepository,
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
