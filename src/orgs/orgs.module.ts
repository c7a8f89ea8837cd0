import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.js';
import { CoreModule } from '../core/core.module.js';
import { DatabaseModule } from '../database/database.module.js';
import { SessionModule } from '../session/session.module.js';
import { UsersModule } from '../users/users.module.js';
import { OrgAdmission } from '../auth/org.admission.js';
import { LimitsModule } from '../limits/limits.module.js';
import { LanguagesModule } from '../languages/languages.module.js';
import { MailModule } from '../mail/mail.module.js';
import { DnsDomainRecords, DomainRecords } from './domain.records.js';
import { InviteDelivery } from './invite.delivery.js';
import { InviteLimits } from './invite.limits.js';
import { InviteLookup } from './invite.lookup.js';
import { InviteRedemption } from './invite.redemption.js';
import { InviteRepository } from './invite.repository.js';
import { InvitesController } from './invites.controller.js';
import { InvitesService } from './invites.service.js';
import { MembersController } from './members.controller.js';
import { MembersService } from './members.service.js';
import { MembershipRepository } from './membership.repository.js';
import { OrgDirectory } from './org.directory.js';
import { MyInvitesController } from './my-invites.controller.js';
import { MyInvites } from './my-invites.service.js';
import { OrgDomainWatch } from './org.domain.watch.js';
import { OrgDomainsController } from './org-domains.controller.js';
import { OrgDomains } from './org.domains.service.js';
import { OrgEvents } from './org.events.js';
import { OrgLoginAdmission } from './org.login.admission.js';
import { OrgRepository } from './org.repository.js';
import { OrgSwitch } from './org.switch.service.js';
import { OrgsController } from './orgs.controller.js';
import { OrgsService } from './orgs.service.js';

/** Organisations, their members, and invites to them. */
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
  ],
  controllers: [
    OrgsController,
    OrgDomainsController,
    MembersController,
    InvitesController,
    MyInvitesController,
  ],
  providers: [
    OrgRepository,
    OrgDirectory,
    MembershipRepository,
    InviteRepository,
    OrgEvents,
    OrgsService,
    OrgDomains,
    OrgDomainWatch,
    { provide: DomainRecords, useClass: DnsDomainRecords },
    MembersService,
    OrgSwitch,
    InvitesService,
    InviteDelivery,
    InviteLimits,
    InviteLookup,
    InviteRedemption,
    MyInvites,
    { provide: OrgAdmission, useClass: OrgLoginAdmission },
  ],
  exports: [OrgAdmission, InviteLookup, InviteRedemption],
})
export class OrgsModule {}
