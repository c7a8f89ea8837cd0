import { Module } from '@nestjs/common';
import { AuditModule } from '../../directory/audit/audit.module.js';
import { LimitsModule } from '../../directory/rate-limit/limits.module.js';
import { CoreModule } from '../../platform/core/core.module.js';
import { PageFrameModule } from '../../pages/page-frame.module.js';
import { ApplicationAuthentication } from '../../providers/ory/proxy/application-authentication.js';
import { ProxyModule } from '../../providers/ory/proxy/proxy.module.js';
import { DeviceLoginController } from './device-login.controller.js';
import { DeviceLoginRepository } from './device-login.repository.js';
import { DeviceLogins } from './device-logins.js';
import { DeviceGate } from './device.gate.js';

/** The module of logins on devices. */
@Module({
  imports: [AuditModule, CoreModule, LimitsModule, PageFrameModule, ProxyModule],
  controllers: [DeviceLoginController],
  providers: [ApplicationAuthentication, DeviceGate, DeviceLoginRepository, DeviceLogins],
})
export class DeviceLoginModule {}
