import { Module } from '@nestjs/common';
import { CoreModule } from '../core/core.module.js';
import { HttpModule } from '../http/http.module.js';
import { FormDrafts } from './form.draft.js';
import { VerificationBindings } from './verification.binding.js';

/** What the pages share with the proxy in front of Kratos, which is set up by `setUpOryProxy`. */
@Module({
  imports: [CoreModule, HttpModule],
  providers: [FormDrafts, VerificationBindings],
  exports: [FormDrafts, VerificationBindings],
})
export class ProxyModule {}
