import { Module } from '@nestjs/common';
import { Clock } from './clock.service.js';

/** What everything stands on: the clock. */
@Module({ providers: [Clock], exports: [Clock] })
export class CoreModule {}
