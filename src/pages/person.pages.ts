import { AccountDeletionController } from './account-deletion.controller.js';
import { AccountPages } from './account.pages.js';
import { ApiKeysFormController } from './api-keys-form.controller.js';
import { HomeController } from './home.controller.js';
import { InvitationController } from './invitation.controller.js';
import { SessionsFormController } from './sessions-form.controller.js';

/** Controllers and providers of the pages about a person's own account, for `PagesModule`. */
export const personPages = {
  controllers: [
    HomeController,
    SessionsFormController,
    ApiKeysFormController,
    AccountDeletionController,
    InvitationController,
  ],
  providers: [AccountPages],
} as const;
