import { Module } from '@nestjs/common';
import { CircuitRegistry } from '../upstream/circuit-registry.js';
import { Clock } from '../time/clock.service.js';
import { DrainState } from './drain-state.js';
import { RecentDigests } from '../crypto/recent-digests.js';

const shared = [Clock, CircuitRegistry, DrainState, RecentDigests];

/** The base module: the clock, the circuits to upstreams, whether the process is about to end, and digests of credentials. */
@Module({ providers: shared, exports: shared })
export class CoreModule {}
