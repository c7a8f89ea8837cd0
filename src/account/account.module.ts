import { Module } from '@nestjs/common';
import { MeController } from './me.controller.js';

/** What callers can see and do about themselves. */
@Module({ controllers: [MeController] })
export class AccountModule {}
