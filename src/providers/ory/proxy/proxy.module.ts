import { Module } from '@nestjs/common';
import { CoreModule } from '../../../platform/core/core.module.js';
import { HttpModule } from '../../../platform/http/http.module.js';
import { FormDrafts } from './form.draft.js';
import { VerificationBindings } from './verification.binding.js';

/** The module of services that the pages share with the proxy in front of Kratos, which `setUpOryProxy` sets up. */
@Module({
  imports: [CoreModule, HttpModule],
  providers: [FormDrafts, VerificationBindings],
  exports: [FormDrafts, VerificationBindings],
})
export class ProxyModule {}
