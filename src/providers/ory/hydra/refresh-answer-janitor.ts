import { Injectable } from '@nestjs/common';
import { PeriodicTask } from '../../../platform/time/periodic-task.js';
import { RefreshAnswerRepository } from './refresh-answer.repository.js';

/** Removes answers to refreshes once nobody can get them any more. Any number of replicas may run it. */
@Injectable()
export class RefreshAnswerJanitor extends PeriodicTask {
  constructor(private readonly answers: RefreshAnswerRepository) {
    super({
      every: 10_000,
      message: 'answers to refreshes cannot be removed',
      reason: 'refresh_answer_purge_failed',
    });
  }

  protected override run(): Promise<unknown> {
    return this.answers.purge();
  }
}
