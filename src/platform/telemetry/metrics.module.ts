import { Module } from '@nestjs/common';
import { HttpMetrics } from './http-metrics.js';
import { Metrics } from './metrics.js';
import { VerificationMetrics } from './verification-metrics.js';

/** The module of metrics; every module that counts something imports it. */
@Module({
  providers: [HttpMetrics, Metrics, VerificationMetrics],
  exports: [HttpMetrics, Metrics, VerificationMetrics],
})
export class MetricsModule {}
