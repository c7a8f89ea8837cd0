import { type DynamicModule, Module } from '@nestjs/common';
import { AccountModule } from './account/account.module.js';
import { AuthModule } from './auth/auth.module.js';
import { ConfigModule } from './config/config.module.js';
import type { Configuration } from './config/configuration.js';
import { HealthModule } from './health/health.module.js';
import { HttpModule } from './http/http.module.js';
import { ProblemFilter } from './http/problem.filter.js';
import { PagesModule } from './pages/pages.module.js';

/** The whole gateway for one configuration. */
@Module({})
export class AppModule {
  static register(configuration: Configuration): DynamicModule {
    const auth = AuthModule.register(configuration);
    return {
      module: AppModule,
      imports: [
        ConfigModule.register(configuration),
        HttpModule,
        auth,
        AccountModule,
        PagesModule.register(configuration, auth),
        HealthModule.register(auth),
      ],
      providers: [ProblemFilter],
    };
  }
}
