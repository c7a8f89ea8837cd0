import { Module } from '@nestjs/common';
import { CoreModule } from '../core/core.module.js';
import { UpstreamCalls } from './upstream-calls.js';

/** The module that times and traces calls to upstreams. */
@Module({ imports: [CoreModule], providers: [UpstreamCalls], exports: [UpstreamCalls] })
export class UpstreamsModule {}
