import { AccountDeletionController } from './account-deletion.controller.js';
import { AccountInvitesFormController } from './account-invites-form.controller.js';
import { AccountPages } from './account.pages.js';
import { ApiKeysFormController } from './api-keys-form.controller.js';
import { HomeController } from './home.controller.js';
import { InvitationController } from './invitation.controller.js';
import { NewOrgController } from './orgs/new-org.controller.js';
import { OrgDomainFormController } from './orgs/org-domain.controller.js';
import { OrgInvitesPageController } from './orgs/org-invites.controller.js';
import { OrgKeysPageController } from './orgs/org-keys.controller.js';
import { OrgMembersPageController } from './orgs/org-members.controller.js';
import { OrgSettingsPageController } from './orgs/org-settings.controller.js';
import { OwnMembershipController } from './orgs/own-membership.controller.js';
import { SessionsFormController } from './sessions-form.controller.js';

/** Controllers and providers of the pages about a person's own account and organisations, for `PagesModule`. */
export const personPages = {
  controllers: [
    HomeController,
    SessionsFormController,
    ApiKeysFormController,
    AccountInvitesFormController,
    AccountDeletionController,
    InvitationController,
    NewOrgController,
    OrgMembersPageController,
    OwnMembershipController,
    OrgInvitesPageController,
    OrgKeysPageController,
    OrgSettingsPageController,
    OrgDomainFormController,
  ],
  providers: [AccountPages],
} as const;
