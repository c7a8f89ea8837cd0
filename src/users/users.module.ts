import { Module } from '@nestjs/common';
import { CoreModule } from '../core/core.module.js';
import { DatabaseModule } from '../database/database.module.js';
import { UsersService } from './users.service.js';

/** Local users. */
@Module({ imports: [CoreModule, DatabaseModule], providers: [UsersService], exports: [UsersService] })
export class UsersModule {}
