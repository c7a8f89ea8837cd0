import { type DynamicModule, Module, type Type } from '@nestjs/common';
import { AccountModule } from './account/account.module.js';
import { AuditEventsModule } from './audit-events/audit-events.module.js';
import { AuthModule } from './auth/auth.module.js';
import { ConfigModule } from './config/config.module.js';
import type { Configuration } from './config/configuration.js';
import { DoctorModule } from './doctor/doctor.module.js';
import { HealthModule } from './health/health.module.js';
import { HttpModule } from './http/http.module.js';
import { ProblemFilter } from './http/problem.filter.js';
import type { ClaimsEnricher } from './session/claims.enricher.js';
import { ClaimsModule } from './session/claims.module.js';
import { ObservabilityModule } from './observability/observability.module.js';
import { OrgApiKeysModule } from './orgs/org-api-keys.module.js';
import { InviteAcceptanceModule } from './orgs/invite-acceptance.module.js';
import { OrgsModule } from './orgs/orgs.module.js';
import { PagesModule } from './pages/pages.module.js';
import { PeopleModule } from './people/people.module.js';
import { SigningKeysModule } from './signing-keys/signing-keys.module.js';
import { VerifyModule } from './verify/verify.module.js';

/** The whole gateway for one configuration. */
@Module({})
export class AppModule {
  /**
   * @param enricher adds the application's own claims to every token.
   * @param modules of the application itself.
   * @param looksAtItself whether it does the cheap checks of `vestibule doctor` once it is ready.
   */
  static register(
    configuration: Configuration,
    enricher?: Type<ClaimsEnricher>,
    modules: readonly Type[] = [],
    looksAtItself = false,
  ): DynamicModule {
    const auth = AuthModule.register(configuration, OrgsModule);
    return {
      module: AppModule,
      imports: [
        ConfigModule.register(configuration),
        ClaimsModule.register(enricher),
        HttpModule,
        auth,
        AccountModule.register(auth),
        PeopleModule.register(auth),
        OrgsModule,
        InviteAcceptanceModule.register(auth),
        OrgApiKeysModule,
        AuditEventsModule,
        SigningKeysModule,
        VerifyModule,
        PagesModule.register(configuration, auth),
        HealthModule.register(auth),
        ObservabilityModule.register(configuration, auth),
        DoctorModule.register(configuration, auth, looksAtItself),
        ...modules,
      ],
      providers: [ProblemFilter],
    };
  }
}
