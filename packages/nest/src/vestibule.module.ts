import { type DynamicModule, Module } from '@nestjs/common';
import { APP_FILTER, APP_GUARD } from '@nestjs/core';
import { type VerifierOptions, createVerifier } from '@vestibule-auth/verify';
import { AuthErrorFilter } from './auth.error.filter.js';
import { VERIFIER, VestibuleGuard } from './vestibule.guard.js';

/** Closes every route of the application; `@Public()` opens one. Import it once: `VestibuleModule.forRoot({ issuer, audience })`. */
@Module({})
export class VestibuleModule {
  /** @throws {TypeError} for options that can't be. */
  static forRoot(options: VerifierOptions): DynamicModule {
    return {
      module: VestibuleModule,
      providers: [
        { provide: VERIFIER, useValue: createVerifier(options) },
        { provide: APP_GUARD, useClass: VestibuleGuard },
        { provide: APP_FILTER, useClass: AuthErrorFilter },
      ],
    };
  }
}
