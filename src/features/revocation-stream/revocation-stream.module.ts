import { Module } from '@nestjs/common';
import { CoreModule } from '../../platform/core/core.module.js';
import { SessionModule } from '../../session/session.module.js';
import { RevocationStream } from './revocation-stream.js';
import { RevocationSubscribers } from './revocation-subscribers.js';
import { RevocationsController } from './revocations.controller.js';

/** The module of what tells other services over HTTP that tokens have ended. */
@Module({
  imports: [CoreModule, SessionModule],
  controllers: [RevocationsController],
  providers: [RevocationStream, RevocationSubscribers],
})
export class RevocationStreamModule {}
