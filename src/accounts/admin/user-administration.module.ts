import { Module } from '@nestjs/common';
import { AccountsModule } from '../accounts.module.js';
import { ApiKeysModule } from '../../api-keys/api-keys.module.js';
import { SessionModule } from '../../session/session.module.js';
import { UsersModule } from '../../directory/users/users.module.js';
import { UsersController } from './users.controller.js';
import { UserKeysController } from './user-keys.controller.js';
import { UserRecoveryController } from './user-recovery.controller.js';
import { UserSecondFactorsController } from './user-second-factors.controller.js';
import { UserSessionsController } from './user-sessions.controller.js';

/** The module with which administrators manage users, their sessions, API keys and recovery. */
@Module({
  imports: [ApiKeysModule, SessionModule, UsersModule, AccountsModule],
  controllers: [
    UsersController,
    UserSessionsController,
    UserKeysController,
    UserRecoveryController,
    UserSecondFactorsController,
  ],
})
export class UserAdministrationModule {}
