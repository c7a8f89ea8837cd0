import { type DynamicModule, Module } from '@nestjs/common';
import { ApiKeysModule } from '../api-keys/api-keys.module.js';
import { SessionModule } from '../session/session.module.js';
import { UsersModule } from '../users/users.module.js';
import { PeopleController } from './people.controller.js';
import { PeopleService } from './people.service.js';
import { PersonAccess } from './person-access.service.js';
import { PersonKeysController } from './person-keys.controller.js';
import { PersonRecoveryController } from './person-recovery.controller.js';
import { PersonSessionsController } from './person-sessions.controller.js';

/** Everybody's accounts, for administrators. */
@Module({})
export class PeopleModule {
  /** @param auth the application's auth module, whose provider is told of changes. */
  static register(auth: DynamicModule): DynamicModule {
    return {
      module: PeopleModule,
      imports: [ApiKeysModule, SessionModule, UsersModule, auth],
      controllers: [
        PeopleController,
        PersonSessionsController,
        PersonKeysController,
        PersonRecoveryController,
      ],
      providers: [PeopleService, PersonAccess],
    };
  }
}
