import { Module } from '@nestjs/common';
import { LimitsModule } from '../../directory/rate-limit/limits.module.js';
import { CoreModule } from '../../platform/core/core.module.js';
import { ProofsOfPossession } from '../../session/tokens/proofs-of-possession.js';
import { SessionModule } from '../../session/session.module.js';
import { DpopNonces } from './dpop-nonces.js';
import { DpopProofs } from './dpop-proofs.js';

/** The module of tokens that are bound to a key. */
@Module({ imports: [CoreModule, LimitsModule, SessionModule], providers: [DpopNonces, DpopProofs] })
export class DpopModule {
  constructor(proofs: ProofsOfPossession, verifier: DpopProofs) {
    proofs.use(verifier);
  }
}
