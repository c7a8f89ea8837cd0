import { type DynamicModule, Module } from '@nestjs/common';
import type { OryConfiguration } from '../config/configuration.js';
import { HttpModule } from '../http/http.module.js';
import { CookieJar } from '../http/cookie.writer.js';
import { LogoutTokenVerifier } from '../oidc/logout.token.js';
import { RelyingParty } from '../oidc/relying.party.js';
import { ChallengeBinding } from './challenge.binding.js';
import { HydraClient } from './hydra.client.js';
import { hydraLogoutTokens, hydraRelyingParty } from './hydra.relying-party.js';

/** Hydra, where it's the provider. */
@Module({})
export class HydraModule {
  static register(configuration: OryConfiguration): DynamicModule {
    return {
      module: HydraModule,
      imports: [HttpModule],
      providers: [
        { provide: HydraClient, useFactory: () => new HydraClient(configuration) },
        {
          provide: ChallengeBinding,
          inject: [CookieJar],
          useFactory: (jar: CookieJar) =>
            new ChallengeBinding(configuration.SECRETS, jar.name('vestibule-challenge')),
        },
        { provide: RelyingParty, useFactory: () => hydraRelyingParty(configuration) },
        { provide: LogoutTokenVerifier, useFactory: () => hydraLogoutTokens(configuration) },
      ],
      exports: [ChallengeBinding, HydraClient, LogoutTokenVerifier, RelyingParty],
    };
  }
}
