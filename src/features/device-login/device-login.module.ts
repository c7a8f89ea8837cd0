import { type FactoryProvider, Module, type Type } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { AuditModule } from '../../directory/audit/audit.module.js';
import { LimitsModule } from '../../directory/rate-limit/limits.module.js';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { Configuration } from '../../platform/config/configuration.js';
import { CoreModule } from '../../platform/core/core.module.js';
import { PageFrameModule } from '../../pages/page-frame.module.js';
import { ApplicationAuthentication } from '../../providers/ory/proxy/application-authentication.js';
import { ProxyModule } from '../../providers/ory/proxy/proxy.module.js';
import { SessionModule } from '../../session/session.module.js';
import { DeviceClients } from './device-clients.js';
import { DeviceLoginController } from './device-login.controller.js';
import { DeviceLoginRepository } from './device-login.repository.js';
import { DeviceLogins } from './device-logins.js';
import { DeviceGate } from './device.gate.js';
import { HydraDevices } from './hydra-devices.js';

/** A part that exists only with Ory: its own parts don't exist otherwise. */
const withOry = <Part>(part: Type<Part>): FactoryProvider<Part | undefined> => ({
  provide: part,
  inject: [CONFIGURATION, ModuleRef],
  useFactory: async ({ AUTH_PROVIDER }: Configuration, parts: ModuleRef) =>
    AUTH_PROVIDER === 'ory' ? parts.create(part) : undefined,
});

/** The module of logins on devices. */
@Module({
  imports: [AuditModule, CoreModule, LimitsModule, PageFrameModule, ProxyModule, SessionModule],
  controllers: [DeviceLoginController],
  providers: [
    DeviceClients,
    DeviceLoginRepository,
    DeviceLogins,
    withOry(ApplicationAuthentication),
    withOry(HydraDevices),
    withOry(DeviceGate),
  ],
  exports: [DeviceClients, DeviceLogins],
})
export class DeviceLoginModule {}
