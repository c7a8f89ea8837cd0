import { Clock } from '../../src/platform/time/clock.service.js';

/** A clock that stands still until a test moves it. */
export class SteppedClock extends Clock {
  /** Milliseconds since the epoch. */
  time = Date.now();

  override now(): number {
    return this.time;
  }
}
