import { Module } from '@nestjs/common';
import { SessionModule } from '../session.module.js';
import { AuthorizationServer } from './authorization-server.js';
import { WellKnownController } from './well-known.controller.js';

/** The module of what other services and clients read about the gateway: the keys of its tokens, and its metadata. */
@Module({
  imports: [SessionModule],
  controllers: [WellKnownController],
  providers: [AuthorizationServer],
  exports: [AuthorizationServer],
})
export class DiscoveryModule {}
