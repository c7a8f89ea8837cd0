import { type DynamicModule, Module } from '@nestjs/common';
import type { Configuration } from '../platform/config/configuration.js';
import { CoreModule } from '../platform/core/core.module.js';
import { DatabaseModule } from '../platform/database/database.module.js';
import { UpstreamsModule } from '../platform/upstream/upstreams.module.js';
import { UsersModule } from '../directory/users/users.module.js';
import { AdministratorsModule } from '../accounts/administrators.module.js';
import { wireProvider } from './auth-strategy.provider.js';
import { AuthStrategy } from '../auth-strategy/auth.strategy.js';

/** The module of the provider that `AUTH_PROVIDER` selects: its {@link AuthStrategy} and its clients, for every module. */
@Module({})
export class ProvidersModule {
  /** Creates the module; called once, in app.module. */
  static forRoot(configuration: Configuration): DynamicModule {
    const { imports, providers, exports } = wireProvider(configuration);
    return {
      module: ProvidersModule,
      global: true,
      imports: [CoreModule, DatabaseModule, UsersModule, AdministratorsModule, UpstreamsModule, ...imports],
      providers: [...providers],
      exports: [AuthStrategy, ...exports, ...imports],
    };
  }
}
