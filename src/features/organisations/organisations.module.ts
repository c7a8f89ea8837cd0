import { Module, type OnModuleInit } from '@nestjs/common';
import { DomainAutoJoin } from '../../accounts/domain-auto-join.js';
import { UserNames } from '../../accounts/user-names.js';
import { ApiKeysModule } from '../../api-keys/api-keys.module.js';
import { LimitsModule } from '../../directory/rate-limit/limits.module.js';
import { UsersModule } from '../../directory/users/users.module.js';
import { OrgAuthorization } from '../../orgs/org-authorization.js';
import { OrgsModule } from '../../orgs/orgs.module.js';
import { FeatureParts } from '../../pages/feature-parts.js';
import { PageFrameModule } from '../../pages/page-frame.module.js';
import { CoreModule } from '../../platform/core/core.module.js';
import { DatabaseModule } from '../../platform/database/database.module.js';
import { SessionModule } from '../../session/session.module.js';
import { InvitesModule } from '../invites/invites.module.js';
import { InvitesController } from './invites.controller.js';
import { InvitesService } from './invites.service.js';
import { MembersController } from './members.controller.js';
import { MembersService } from './members.service.js';
import { MyInvitesController } from './my-invites.controller.js';
import { OrgApiKeysController } from './org-api-keys.controller.js';
import { OrgApiKeysService } from './org-api-keys.service.js';
import { OrgDirectory } from './org-directory.js';
import { OrgDomainJoins } from './org-domain-joins.js';
import { OrgDomainsController } from './org-domains.controller.js';
import { OrgDomains } from './org-domains.service.js';
import { OrgSwitch } from './org-switch.service.js';
import { OrgsController } from './orgs.controller.js';
import { OrgsService } from './orgs.service.js';
import { AccountInvitesFormController } from './pages/account-invites-form.controller.js';
import { AdminOrgsController } from './pages/admin-orgs.controller.js';
import { NewOrgController } from './pages/new-org.controller.js';
import { OrgDomainFormController } from './pages/org-domain.controller.js';
import { OrgInvitesPageController } from './pages/org-invites.controller.js';
import { OrgKeysPageController } from './pages/org-keys.controller.js';
import { OrgMembersPageController } from './pages/org-members.controller.js';
import { OrgPartsPages } from './pages/org-parts.pages.js';
import { OrgSettingsPageController } from './pages/org-settings.controller.js';
import { OwnMembershipController } from './pages/own-membership.controller.js';

/** The module of organisations that users make and manage: their API and pages. */
@Module({
  imports: [
    ApiKeysModule,
    CoreModule,
    DatabaseModule,
    InvitesModule,
    LimitsModule,
    OrgsModule,
    PageFrameModule,
    SessionModule,
    UsersModule,
  ],
  controllers: [
    OrgsController,
    OrgDomainsController,
    MembersController,
    InvitesController,
    MyInvitesController,
    OrgApiKeysController,
    AccountInvitesFormController,
    AdminOrgsController,
    NewOrgController,
    OrgMembersPageController,
    OwnMembershipController,
    OrgInvitesPageController,
    OrgKeysPageController,
    OrgSettingsPageController,
    OrgDomainFormController,
  ],
  providers: [
    InvitesService,
    MembersService,
    OrgApiKeysService,
    OrgAuthorization,
    OrgDirectory,
    OrgDomainJoins,
    OrgDomains,
    OrgPartsPages,
    OrgSwitch,
    OrgsService,
    UserNames,
  ],
})
export class OrganisationsModule implements OnModuleInit {
  constructor(
    private readonly domains: DomainAutoJoin,
    private readonly joins: OrgDomainJoins,
    private readonly parts: FeatureParts,
    private readonly pages: OrgPartsPages,
  ) {}

  onModuleInit(): void {
    this.domains.use(this.joins);
    this.parts.use({ orgs: this.pages });
  }
}
