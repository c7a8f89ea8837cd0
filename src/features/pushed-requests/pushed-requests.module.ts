import { Module } from '@nestjs/common';
import { LimitsModule } from '../../directory/rate-limit/limits.module.js';
import { CoreModule } from '../../platform/core/core.module.js';
import { ApplicationAuthentication } from '../../providers/ory/proxy/application-authentication.js';
import { ProxyModule } from '../../providers/ory/proxy/proxy.module.js';
import { SessionModule } from '../../session/session.module.js';
import { PushedRequestGate } from './pushed-request.gate.js';
import { PushedRequestRepository } from './pushed-request.repository.js';

/** The module of authorization requests that applications send themselves. */
@Module({
  imports: [CoreModule, LimitsModule, ProxyModule, SessionModule],
  providers: [ApplicationAuthentication, PushedRequestGate, PushedRequestRepository],
})
export class PushedRequestsModule {}
