import { Module } from '@nestjs/common';
import { MetricsModule } from '../metrics/metrics.module.js';
import { TracingModule } from '../tracing/tracing.module.js';
import { UpstreamCalls } from './upstream.calls.js';

/** What is asked of others, timed and traced. */
@Module({ imports: [MetricsModule, TracingModule], providers: [UpstreamCalls], exports: [UpstreamCalls] })
export class UpstreamsModule {}
