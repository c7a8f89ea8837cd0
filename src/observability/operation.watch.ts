import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { AuditService } from '../audit/audit.service.js';
import { CONFIGURATION } from '../config/config.module.js';
import type { Configuration } from '../config/configuration.js';
import { isRatePolicyName, ratePolicyDefaults } from '../config/rate-limit.parser.js';
import { CircuitRegistry } from '../core/circuit.registry.js';
import { RateLimits } from '../limits/rate.limits.js';
import { upstreamNames } from '../metrics/metric.catalogue.js';
import { Metrics } from '../metrics/metrics.js';

/** Shows logins, limits, circuits, and how far the audit trail is. */
@Injectable()
export class OperationWatch implements OnModuleInit {
  readonly #metrics: Metrics;
  readonly #limits: RateLimits;
  readonly #circuits: CircuitRegistry;
  readonly #audit: AuditService;
  readonly #provider: Configuration['AUTH_PROVIDER'];

  constructor(
    metrics: Metrics,
    limits: RateLimits,
    circuits: CircuitRegistry,
    audit: AuditService,
    @Inject(CONFIGURATION) { AUTH_PROVIDER }: Configuration,
  ) {
    this.#metrics = metrics;
    this.#limits = limits;
    this.#circuits = circuits;
    this.#audit = audit;
    this.#provider = AUTH_PROVIDER;
  }

  onModuleInit(): void {
    for (const outcome of ['succeeded', 'failed'] as const) {
      this.#metrics.watch('vestibule_logins_total', { outcome, provider: this.#provider }, () =>
        this.#audit.countOf(`login_${outcome}`),
      );
    }
    for (const policy of Object.keys(ratePolicyDefaults).filter(isRatePolicyName)) {
      const refused = (): number => this.#limits.refusals.get(policy) ?? 0;
      this.#metrics.watch('vestibule_rate_limited_total', { policy }, refused);
    }
    for (const upstream of upstreamNames) {
      const isOpen = (): boolean =>
        this.#circuits.states().some(({ name, state }) => name === upstream && state !== 'closed');
      this.#metrics.watch('vestibule_circuit_open', { upstream }, () => (isOpen() ? 1 : 0));
    }
    this.#metrics.watch('vestibule_audit_events_waiting', {}, () => this.#audit.waiting);
  }
}
