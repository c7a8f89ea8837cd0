import { type DynamicModule, Module, type Type } from '@nestjs/common';
import { ClaimsEnricher, NoExtraClaims } from './claims.enricher.js';

/** Where an adopter's {@link ClaimsEnricher} comes in; made once, in app.module. */
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
