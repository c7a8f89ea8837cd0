import { Module } from '@nestjs/common';
import { CircuitRegistry } from '../upstream/circuit-registry.js';
import { Clock } from '../time/clock.service.js';
import { DrainState } from './drain-state.js';
import { RecentDigests } from '../crypto/recent-digests.js';
import { Telemetry } from '../telemetry/telemetry.js';

const shared = [Clock, CircuitRegistry, DrainState, RecentDigests, Telemetry];

/** The base module: the clock, the circuits to upstreams, whether the process is about to end, digests of credentials, and who counts and traces. */
@Module({ providers: shared, exports: shared })
export class CoreModule {}
