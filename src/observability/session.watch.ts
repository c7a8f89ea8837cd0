import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Metrics } from '../metrics/metrics.js';
import { KeyAuthenticator } from '../session/key.authenticator.js';
import { LiveTokens } from '../session/live.tokens.js';
import { RevocationFeed } from '../session/revocation.feed.js';
import { SessionRenewer } from '../session/session.renewer.js';

/** Shows renewals, revocations, and what guards keep in memory. */
@Injectable()
export class SessionWatch implements OnModuleInit {
  readonly #metrics: Metrics;
  readonly #renewer: SessionRenewer;
  readonly #revocations: RevocationFeed;
  readonly #tokens: LiveTokens;
  readonly #apiKeys: KeyAuthenticator;

  constructor(
    metrics: Metrics,
    renewer: SessionRenewer,
    revocations: RevocationFeed,
    tokens: LiveTokens,
    apiKeys: KeyAuthenticator,
  ) {
    this.#metrics = metrics;
    this.#renewer = renewer;
    this.#revocations = revocations;
    this.#tokens = tokens;
    this.#apiKeys = apiKeys;
  }

  onModuleInit(): void {
    for (const outcome of ['confirmed', 'grace', 'refused', 'failed'] as const) {
      this.#metrics.watch('vestibule_renewals_total', { outcome }, () => this.#renewer.outcomes[outcome]);
    }
    const { announced, list } = this.#revocations;
    for (const kind of ['session', 'user', 'org', 'api_key', 'everything'] as const) {
      this.#metrics.watch('vestibule_revocations_total', { kind }, () => announced.get(kind) ?? 0);
    }
    this.#metrics.watch('vestibule_revocations_held', {}, () => list.size);
    this.#metrics.watch('vestibule_revocations_staleness_seconds', {}, () => list.staleness() / 1000);
    this.#metrics.watch('vestibule_cache_entries', { cache: 'tokens' }, () => this.#tokens.size);
    this.#metrics.watch('vestibule_cache_entries', { cache: 'api_keys' }, () => this.#apiKeys.size);
  }
}
