import { Module } from '@nestjs/common';
import { SessionModule } from '../session.module.js';
import { AuthorizationServer } from './authorization-server.js';
import { PublishedKeys } from './published-keys.js';
import { WellKnownController } from './well-known.controller.js';

/** The module of what other services and clients read about the gateway: the keys of its signatures, and its metadata. */
@Module({
  imports: [SessionModule],
  controllers: [WellKnownController],
  providers: [AuthorizationServer, PublishedKeys],
  exports: [AuthorizationServer, PublishedKeys],
})
export class DiscoveryModule {}
