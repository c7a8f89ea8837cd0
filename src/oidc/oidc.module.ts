import { type DynamicModule, Module } from '@nestjs/common';
import { type OpenIdClientSettings, OpenIdProvider } from './openid.provider.js';

/** An OpenID provider, where one is configured. */
@Module({})
export class OidcModule {
  static register(settings: OpenIdClientSettings): DynamicModule {
    return {
      module: OidcModule,
      providers: [{ provide: OpenIdProvider, useFactory: () => new OpenIdProvider(settings) }],
      exports: [OpenIdProvider],
    };
  }
}
