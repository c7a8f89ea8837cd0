import { Module } from '@nestjs/common';
import { CircuitRegistry } from './circuit.registry.js';
import { Clock } from './clock.service.js';
import { DrainState } from './drain.state.js';

/** What everything stands on: the clock, the circuits to upstreams, and whether the process is about to end. */
@Module({ providers: [Clock, CircuitRegistry, DrainState], exports: [Clock, CircuitRegistry, DrainState] })
export class CoreModule {}
