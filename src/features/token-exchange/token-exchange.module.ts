import { Inject, Module, type OnModuleInit } from '@nestjs/common';
import { ApiKeysModule } from '../../api-keys/api-keys.module.js';
import { AuditModule } from '../../directory/audit/audit.module.js';
import { LimitsModule } from '../../directory/rate-limit/limits.module.js';
import { UsersModule } from '../../directory/users/users.module.js';
import { LoginModule } from '../../login/login.module.js';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { Configuration } from '../../platform/config/configuration.js';
import { CoreModule } from '../../platform/core/core.module.js';
import { AuthorizationServer } from '../../session/discovery/authorization-server.js';
import { DiscoveryModule } from '../../session/discovery/discovery.module.js';
import { SessionModule } from '../../session/session.module.js';
import { TokenEndpointModule } from '../../session/tokens/token-endpoint.module.js';
import { ProofsOfPossession } from '../../session/tokens/proofs-of-possession.js';
import { TokenGrants } from '../../session/tokens/token-grants.js';
import { SubjectTokenResolver } from './subject-token-resolver.js';
import { TokenExchangeController } from './token-exchange.controller.js';
import { TokenExchange } from './token-exchange.service.js';

/** The module of the gateway's own token endpoint. */
@Module({
  imports: [
    ApiKeysModule,
    AuditModule,
    CoreModule,
    DiscoveryModule,
    LimitsModule,
    LoginModule,
    SessionModule,
    TokenEndpointModule,
    UsersModule,
  ],
  controllers: [TokenExchangeController],
  providers: [SubjectTokenResolver, TokenExchange],
})
export class TokenExchangeModule implements OnModuleInit {
  readonly #issuer: string;
  readonly #audience: string;

  constructor(
    private readonly server: AuthorizationServer,
    private readonly grants: TokenGrants,
    private readonly proofs: ProofsOfPossession,
    @Inject(CONFIGURATION) { PUBLIC_URL, TOKEN_AUDIENCE }: Configuration,
  ) {
    this.#issuer = PUBLIC_URL;
    this.#audience = TOKEN_AUDIENCE;
  }

  onModuleInit(): void {
    const issuer = this.#issuer;
    this.server.add(() => ({
      token_endpoint: `${issuer}/auth/token`,
      ...this.grants.metadata(issuer),
      ...this.proofs.metadataFor([this.#audience]),
    }));
  }
}
