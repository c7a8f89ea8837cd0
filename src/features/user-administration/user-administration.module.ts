import { Module } from '@nestjs/common';
import { AccountsModule } from '../../accounts/accounts.module.js';
import { ApiKeysModule } from '../../api-keys/api-keys.module.js';
import { AuditModule } from '../../directory/audit/audit.module.js';
import { NoticesModule } from '../../directory/notices/notices.module.js';
import { UsersModule } from '../../directory/users/users.module.js';
import { PageFrameModule } from '../../pages/page-frame.module.js';
import { SessionModule } from '../../session/session.module.js';
import { AccountRecovery } from './account-recovery.service.js';
import { AdminAccessController } from './pages/admin-access.controller.js';
import { AdminUserController } from './pages/admin-user.controller.js';
import { AdminUserPages } from './pages/admin-user.pages.js';
import { AdminUsersController } from './pages/admin-users.controller.js';
import { SecondFactorReset } from './second-factor-reset.service.js';
import { UserKeysController } from './user-keys.controller.js';
import { UserRecoveryController } from './user-recovery.controller.js';
import { UserSecondFactorsController } from './user-second-factors.controller.js';
import { UserSessionsController } from './user-sessions.controller.js';
import { UsersController } from './users.controller.js';

/** The module with which administrators manage users, their sessions, API keys and recovery: API and pages. */
@Module({
  imports: [
    AccountsModule,
    ApiKeysModule,
    AuditModule,
    NoticesModule,
    PageFrameModule,
    SessionModule,
    UsersModule,
  ],
  controllers: [
    UsersController,
    UserSessionsController,
    UserKeysController,
    UserRecoveryController,
    UserSecondFactorsController,
    AdminUsersController,
    AdminUserController,
    AdminAccessController,
  ],
  providers: [AccountRecovery, AdminUserPages, SecondFactorReset],
})
export class UserAdministrationModule {}
