import { Module } from '@nestjs/common';
import { ApiKeysModule } from '../api-keys/api-keys.module.js';
import { AuditModule } from '../directory/audit/audit.module.js';
import { NoticesModule } from '../directory/notices/notices.module.js';
import { UsersModule } from '../directory/users/users.module.js';
import { CoreModule } from '../platform/core/core.module.js';
import { DatabaseModule } from '../platform/database/database.module.js';
import { HttpModule } from '../platform/http/http.module.js';
import { SessionModule } from '../session/session.module.js';
import { AccountFacts } from './account-facts.service.js';
import { AccountLifecycle } from './account-lifecycle.service.js';
import { AccountOwnership } from './account-ownership.service.js';
import { AccountProvisioning } from './account-provisioning.js';
import { AddressRights } from './address-rights.js';
import { AdministratorsModule } from './administrators.module.js';
import { ProfileService } from './profile.service.js';
import { ProviderAccess } from './provider-access.js';
import { ProviderLogoutRepository } from './provider-logout.repository.js';
import { ProviderLogouts } from './provider-logouts.js';
import { RecoveryCodeRepository } from './recovery-code.repository.js';
import { AccountSessions } from './sessions/account-sessions.service.js';
import { SessionsController } from './sessions/sessions.controller.js';
import { SignUpPolicy } from './sign-up.policy.js';
import { UserNames } from './user-names.js';

const services = [
  AccountFacts,
  AccountLifecycle,
  AccountOwnership,
  AccountProvisioning,
  AccountSessions,
  AddressRights,
  ProfileService,
  ProviderAccess,
  ProviderLogoutRepository,
  ProviderLogouts,
  RecoveryCodeRepository,
  SignUpPolicy,
  UserNames,
];

/** The module for accounts: profile, sessions, proof of ownership, disabling and deletion, and who may sign up. */
@Module({
  imports: [
    CoreModule,
    DatabaseModule,
    HttpModule,
    UsersModule,
    AuditModule,
    NoticesModule,
    SessionModule,
    ApiKeysModule,
    AdministratorsModule,
  ],
  controllers: [SessionsController],
  providers: services,
  exports: [ApiKeysModule, ...services],
})
export class AccountsModule {}
