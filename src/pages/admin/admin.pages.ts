import { AdminAccessController } from './admin-access.controller.js';
import { AdminAuditController } from './admin-audit.controller.js';
import { AdminInviteController } from './admin-invite.controller.js';
import { AdminKeysController } from './admin-keys.controller.js';
import { AdminUserController } from './admin-user.controller.js';
import { AdminUserPages } from './admin-user.pages.js';
import { AdminUsersController } from './admin-users.controller.js';

/** The administration's controllers and providers, for `PagesModule`. */
export const adminPages = {
  controllers: [
    AdminUsersController,
    AdminUserController,
    AdminAccessController,
    AdminAuditController,
    AdminInviteController,
    AdminKeysController,
  ],
  providers: [AdminUserPages],
} as const;
