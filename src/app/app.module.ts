import { type DynamicModule, Module, type Type } from '@nestjs/common';
import { AccountModule } from '../accounts/me/account.module.js';
import { AccountsModule } from '../accounts/accounts.module.js';
import { LoginModule } from '../login/login.module.js';
import { DiscoveryModule } from '../session/discovery/discovery.module.js';
import { OryModule } from '../providers/ory/ory.module.js';
import { ProvidersModule } from '../providers/providers.module.js';
import { ConfigModule } from '../platform/config/config.module.js';
import type { Configuration } from '../platform/config/configuration.js';
import { CoreModule } from '../platform/core/core.module.js';
import { DoctorModule } from '../doctor/doctor.module.js';
import { HealthModule } from '../operations/health/health.module.js';
import { FeaturesModule } from '../platform/features/features.module.js';
import { HttpModule } from '../platform/http/http.module.js';
import { ProblemFilter } from '../platform/http/problem.filter.js';
import type { ClaimsEnricher } from '../session/tokens/claims-enricher.js';
import { ClaimsModule } from '../session/tokens/claims.module.js';
import { OperationsModule } from '../operations/operations.module.js';
import { OrgsModule } from '../orgs/orgs.module.js';
import { PagesModule } from '../pages/pages.module.js';
import { RevocationJanitor } from '../session/revocation/revocation-janitor.js';
import { SessionModule } from '../session/session.module.js';
import { VerifyModule } from '../forward-auth/verify.module.js';
import { DoctorProbeController } from './doctor-probe.controller.js';

/** The whole gateway for one configuration. */
@Module({})
export class AppModule {
  /**
   * @param enricher adds the application's own claims to every token.
   * @param modules those of the features, and the application's own.
   * @param looksAtItself whether to run the cheap checks of `vestibule doctor` once it is ready.
   */
  static register(
    configuration: Configuration,
    enricher?: Type<ClaimsEnricher>,
    modules: readonly Type[] = [],
    looksAtItself = false,
  ): DynamicModule {
    return {
      module: AppModule,
      imports: [
        ConfigModule.register(configuration),
        FeaturesModule.register(configuration),
        ClaimsModule.register(enricher),
        CoreModule,
        HttpModule,
        ProvidersModule.forRoot(configuration),
        AccountsModule,
        SessionModule,
        LoginModule,
        DiscoveryModule,
        ...(configuration.AUTH_PROVIDER === 'ory' ? [OryModule] : []),
        AccountModule,
        OrgsModule,
        OperationsModule,
        VerifyModule,
        PagesModule.register(configuration),
        HealthModule,
        DoctorModule.register(configuration, looksAtItself),
        ...modules,
      ],
      controllers: [DoctorProbeController],
      providers: [ProblemFilter, RevocationJanitor],
    };
  }
}
