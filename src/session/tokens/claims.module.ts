import { type DynamicModule, Module, type Type } from '@nestjs/common';
import { ClaimsEnricher, NoExtraClaims } from './claims-enricher.js';

/** The module that provides an adopter's {@link ClaimsEnricher}; created once, in app.module. */
@Module({})
export class ClaimsModule {
  static register(enricher: Type<ClaimsEnricher> = NoExtraClaims): DynamicModule {
    return {
      module: ClaimsModule,
      global: true,
      providers: [{ provide: ClaimsEnricher, useClass: enricher }],
      exports: [ClaimsEnricher],
    };
  }
}
