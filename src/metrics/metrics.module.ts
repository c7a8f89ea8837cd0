import { Module } from '@nestjs/common';
import { HttpMetrics } from './http.metrics.js';
import { Metrics } from './metrics.js';
import { VerificationMetrics } from './verification.metrics.js';

/** What is counted; whoever counts imports it. */
@Module({
  providers: [HttpMetrics, Metrics, VerificationMetrics],
  exports: [HttpMetrics, Metrics, VerificationMetrics],
})
export class MetricsModule {}
