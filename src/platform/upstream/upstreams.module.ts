import { Module } from '@nestjs/common';
import { MetricsModule } from '../telemetry/metrics.module.js';
import { TracingModule } from '../telemetry/tracing.module.js';
import { UpstreamCalls } from './upstream-calls.js';

/** The module that times and traces calls to upstreams. */
@Module({ imports: [MetricsModule, TracingModule], providers: [UpstreamCalls], exports: [UpstreamCalls] })
export class UpstreamsModule {}
