import { Module } from '@nestjs/common';
import { CoreModule } from '../core/core.module.js';
import { HttpModule } from '../http/http.module.js';
import { FormDrafts } from './form.draft.js';

/** What the pages share with the proxy in front of Kratos, which is set up by `setUpOryProxy`. */
@Module({ imports: [CoreModule, HttpModule], providers: [FormDrafts], exports: [FormDrafts] })
export class ProxyModule {}
