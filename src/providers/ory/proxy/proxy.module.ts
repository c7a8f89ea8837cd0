import { Module } from '@nestjs/common';
import { CoreModule } from '../../../platform/core/core.module.js';
import { HttpModule } from '../../../platform/http/http.module.js';
import { AddedGates } from './added-gates.js';
import { BegunFlows } from './begun-flows.js';
import { FormDrafts } from './form-draft.js';
import { VerificationBindings } from './verification-binding.js';

/** The module of what pages and features share with the proxy in front of Kratos and Hydra, which `setUpOryProxy` sets up. */
@Module({
  imports: [CoreModule, HttpModule],
  providers: [AddedGates, BegunFlows, FormDrafts, VerificationBindings],
  exports: [AddedGates, BegunFlows, FormDrafts, VerificationBindings],
})
export class ProxyModule {}
