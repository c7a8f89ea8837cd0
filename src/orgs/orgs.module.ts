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
import { OrgAutoJoin } from '../accounts/org-auto-join.port.js';
import { LimitsModule } from '../directory/rate-limit/limits.module.js';
import { LanguagesModule } from '../platform/i18n/languages.module.js';
import { MailModule } from '../platform/mail/mail.module.js';
import { AccountInvitesController } from './account-invites.controller.js';
import { AccountInvites } from './account-invites.service.js';
import { DomainRecords } from './domain-records.js';
import { InviteDelivery } from './invite-delivery.js';
import { InviteLookup } from './invite-lookup.js';
import { InviteRedemption } from './invite-redemption.js';
import { InviteRepository } from './invite.repository.js';
import { InvitesController } from './invites.controller.js';
import { InvitesService } from './invites.service.js';
import { MembersController } from './members.controller.js';
import { MembersService } from './members.service.js';
import { MembershipRepository } from './membership.repository.js';
import { OrgDirectory } from './org-directory.js';
import { MyInvitesController } from './my-invites.controller.js';
import { OrgDomainsController } from './org-domains.controller.js';
import { OrgDomains } from './org-domains.service.js';
import { OrgEvents } from './org-events.js';
import { OrgKeyAccounts } from './org-key-accounts.js';
import { OrgNames } from './org-names.js';
import { OrgLoginAutoJoin } from './org-auto-join.js';
import { OrgRepository } from './org.repository.js';
import { OwnLogins } from './own-logins.js';
import { OrgSwitch } from './org-switch.service.js';
import { OrgsController } from './orgs.controller.js';
import { OrgsService } from './orgs.service.js';

/**
 * The module of organisations, their members, and invites to them. It is global because it implements two ports of modules below
 * it. Logins join organisations by {@link OrgAutoJoin}, and {@link KeyAccounts} makes API keys' service accounts members.
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
  controllers: [
    OrgsController,
    OrgDomainsController,
    MembersController,
    InvitesController,
    AccountInvitesController,
    MyInvitesController,
  ],
  providers: [
    OrgRepository,
    OrgDirectory,
    MembershipRepository,
    InviteRepository,
    OrgEvents,
    OrgNames,
    OrgsService,
    OrphanedApplications,
    ProductNames,
    OrgDomains,
    DomainRecords,
    MembersService,
    OrgSwitch,
    OwnLogins,
    InvitesService,
    AccountInvites,
    InviteDelivery,
    InviteLookup,
    InviteRedemption,
    { provide: OrgAutoJoin, useClass: OrgLoginAutoJoin },
    { provide: KeyAccounts, useClass: OrgKeyAccounts },
  ],
  exports: [KeyAccounts, OrgAutoJoin, InviteLookup, InviteRedemption, OrgNames, OrgRepository, OwnLogins],
})
export class OrgsModule {}
