import { Module } from '@nestjs/common';
import { CoreModule } from '../core/core.module.js';
import { DatabaseModule } from '../database/database.module.js';
import { FirstAdministrator } from './first.administrator.js';
import { PersonalData } from './personal.data.js';
import { ServiceAccounts } from './service-accounts.service.js';
import { UserChanges } from './user.changes.js';
import { UserDirectory } from './user.directory.js';
import { UserOwnership } from './user.ownership.js';
import { UserProfiles } from './user.profile.js';
import { UsersService } from './users.service.js';

/** Local users. */
@Module({
  imports: [CoreModule, DatabaseModule],
  providers: [
    FirstAdministrator,
    PersonalData,
    ServiceAccounts,
    UserChanges,
    UserDirectory,
    UserOwnership,
    UserProfiles,
    UsersService,
  ],
  exports: [
    FirstAdministrator,
    PersonalData,
    ServiceAccounts,
    UserChanges,
    UserDirectory,
    UserOwnership,
    UserProfiles,
    UsersService,
  ],
})
export class UsersModule {}
