import { Injectable } from '@nestjs/common';
import { PeriodicTask } from '../../platform/time/periodic-task.js';
import { RevocationFeed } from './revocation-feed.js';

/** Removes revocations that nobody needs any more. Only the gateway has it: a command doesn't know the readers of features. */
@Injectable()
export class RevocationJanitor extends PeriodicTask {
  constructor(private readonly feed: RevocationFeed) {
    super({
      every: 300_000,
      message: 'old revocations cannot be removed',
      reason: 'revocation_purge_failed',
    });
  }

  protected override run(): Promise<void> {
    return this.feed.purge();
  }
}
