import { type DynamicModule, Module } from '@nestjs/common';
import { UsersModule } from '../users/users.module.js';
import { PeopleController } from './people.controller.js';
import { PeopleService } from './people.service.js';

/** Everybody's accounts, for administrators. */
@Module({})
export class PeopleModule {
  /** @param auth the application's auth module, whose provider is told of changes. */
  static register(auth: DynamicModule): DynamicModule {
    return {
      module: PeopleModule,
      imports: [UsersModule, auth],
      controllers: [PeopleController],
      providers: [PeopleService],
    };
  }
}
