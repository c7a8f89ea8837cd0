import { Module } from '@nestjs/common';
import { ConnectionsModule } from '../connections/connections.module.js';
import { SamlController } from './saml.controller.js';

/** The module of connections to SAML providers: the routes that only such a provider uses. */
@Module({
  imports: [ConnectionsModule],
  controllers: [SamlController],
})
export class SamlModule {}
