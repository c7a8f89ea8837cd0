import { Module } from '@nestjs/common';
import { CircuitRegistry } from './circuit.registry.js';
import { Clock } from './clock.service.js';
import { DrainState } from './drain.state.js';
import { RecentDigests } from './recent.digests.js';

const shared = [Clock, CircuitRegistry, DrainState, RecentDigests];

/** What everything stands on: the clock, the circuits to upstreams, whether the process is about to end, and digests of credentials. */
@Module({ providers: shared, exports: shared })
export class CoreModule {}
