import { Module } from '@nestjs/common';
import { OryModule } from '../../providers/ory/ory.module.js';
import { SamlController } from './saml.controller.js';

/** The module of connections to SAML providers: the routes that only such a provider uses. */
@Module({
  imports: [OryModule],
  controllers: [SamlController],
})
export class SamlModule {}
