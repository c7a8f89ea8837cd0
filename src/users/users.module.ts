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

/** Each of them is for the other modules too. */
const services = [
  FirstAdministrator,
  PersonalData,
  ServiceAccounts,
  UserChanges,
  UserDirectory,
  UserOwnership,
  UserProfiles,
  UsersService,
];

/** Local users. */
@Module({ imports: [CoreModule, DatabaseModule], providers: services, exports: services })
export class UsersModule {}
