import { Injectable } from '@nestjs/common';
import type { LabelsOf } from './metric.catalogue.js';
import type { CounterSeries } from './metric-series.js';
import { Metrics } from './metrics.js';

type Labels = LabelsOf<'vestibule_verifications_total'>;

/** The outcomes of one kind of credential: plain numbers (`hit.ok.value += 1`). */
export interface VerificationCounts {
  readonly hit: Readonly<Record<Labels['result'], CounterSeries>>;
  readonly miss: Readonly<Record<Labels['result'], CounterSeries>>;
}

/** Counts the outcome of each guarded request's credential. */
@Injectable()
export class VerificationMetrics {
  readonly cookie: VerificationCounts;
  readonly bearer: VerificationCounts;
  readonly api_key: VerificationCounts;

  constructor({ verifications }: Metrics) {
    const resultsOf = (credential: Labels['credential'], cache: Labels['cache']) => ({
      ok: verifications.of({ credential, cache, result: 'ok' }),
      refused: verifications.of({ credential, cache, result: 'refused' }),
    });
    const countsOf = (credential: Labels['credential']): VerificationCounts => ({
      hit: resultsOf(credential, 'hit'),
      miss: resultsOf(credential, 'miss'),
    });
    this.cookie = countsOf('cookie');
    this.bearer = countsOf('bearer');
    this.api_key = countsOf('api_key');
  }

  /**
   * Counts one outcome.
   * @param cache `hit` when the credential was known in memory, `miss` when it had to be decrypted, verified or looked up.
   */
  count(credential: Labels['credential'], cache: Labels['cache'], result: Labels['result']): void {
    this[credential][cache][result].value += 1;
  }
}
