import { Module } from '@nestjs/common';
import { CoreModule } from '../../platform/core/core.module.js';
import { DatabaseModule } from '../../platform/database/database.module.js';
import { FirstAdministrator } from './first-administrator.js';
import { PersonalData } from './personal-data.js';
import { RequiredFactors } from './required-factors.js';
import { UserChanges } from './user-changes.js';
import { UserDirectory } from './user-directory.js';
import { UserOwnership } from './user-ownership.js';
import { UserProfiles } from './user-profile.js';
import { UsersService } from './users.service.js';

/** Services that other modules may use as well. */
const services = [
  FirstAdministrator,
  PersonalData,
  RequiredFactors,
  UserChanges,
  UserDirectory,
  UserOwnership,
  UserProfiles,
  UsersService,
];

/** The module of local users. */
@Module({ imports: [CoreModule, DatabaseModule], providers: services, exports: services })
export class UsersModule {}
