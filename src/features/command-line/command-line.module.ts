import { Module } from '@nestjs/common';
import { ApiKeysModule } from '../../api-keys/api-keys.module.js';
import { LoginModule } from '../../login/login.module.js';
import { PageFrameModule } from '../../pages/page-frame.module.js';
import { CoreModule } from '../../platform/core/core.module.js';
import { SessionModule } from '../../session/session.module.js';
import { TokenEndpointModule } from '../../session/tokens/token-endpoint.module.js';
import { DiscoveryModule } from '../../session/discovery/discovery.module.js';
import { DeviceLoginModule } from '../device-login/device-login.module.js';
import { AuthorizationCodeRepository } from './authorization-code.repository.js';
import { CommandLineDeviceController } from './command-line-device.controller.js';
import { CommandLineDevices } from './command-line-devices.js';
import { CommandLineKeys } from './command-line-keys.js';
import { CommandLineGrant } from './command-line-grant.js';
import { CommandLineLogins } from './command-line-login.service.js';
import { CommandLineController } from './command-line.controller.js';

/** The module of logins of command lines: the page that asks, and the grant at the token endpoint. */
@Module({
  imports: [
    ApiKeysModule,
    CoreModule,
    DeviceLoginModule,
    DiscoveryModule,
    LoginModule,
    PageFrameModule,
    SessionModule,
    TokenEndpointModule,
  ],
  controllers: [CommandLineController, CommandLineDeviceController],
  providers: [
    AuthorizationCodeRepository,
    CommandLineDevices,
    CommandLineGrant,
    CommandLineKeys,
    CommandLineLogins,
  ],
})
export class CommandLineModule {}
