import type { Abstract } from '@nestjs/common';
import type { ModuleRef } from '@nestjs/core';
import { AuditService } from '../../directory/audit/audit.service.js';
import { RateLimits } from '../../directory/rate-limit/rate-limits.js';
import type { Configuration } from '../../platform/config/configuration.js';
import { isRatePolicyName, ratePolicyDefaults } from '../../platform/config/rate-limit.parser.js';
import { Clock } from '../../platform/time/clock.service.js';
import { CircuitRegistry } from '../../platform/upstream/circuit-registry.js';
import { KeyAuthenticator } from '../../session/guards/key-authenticator.js';
import { RevocationFeed } from '../../session/revocation/revocation-feed.js';
import { SessionRenewer } from '../../session/session-renewer.js';
import { SigningKeyRing } from '../../session/tokens/signing-key-ring.js';
import { VerifiedTokenCache } from '../../session/tokens/verified-token.cache.js';
import { upstreamNames } from './metric.catalogue.js';
import type { Metrics } from './metrics.js';

/** Exposes the numbers that the application's parts keep anyway; they are read at each scrape. */
export function watchMetrics(
  metrics: Metrics,
  parts: ModuleRef,
  { AUTH_PROVIDER: provider, SIGNING_KEY_ROTATION }: Configuration,
): void {
  const get = <T>(part: Abstract<T>): T => parts.get<T>(part, { strict: false });
  const audit = get(AuditService);
  for (const outcome of ['succeeded', 'failed'] as const) {
    metrics.watch('vestibule_logins_total', { outcome, provider }, () => audit.countOf(`login_${outcome}`));
  }
  metrics.watch('vestibule_audit_events_waiting', {}, () => audit.waiting);

  const { refusals } = get(RateLimits);
  for (const policy of Object.keys(ratePolicyDefaults).filter(isRatePolicyName)) {
    metrics.watch('vestibule_rate_limited_total', { policy }, () => refusals.get(policy) ?? 0);
  }
  const circuits = get(CircuitRegistry);
  for (const upstream of upstreamNames) {
    const isOpen = (): boolean =>
      circuits.states().some(({ name, state }) => name === upstream && state !== 'closed');
    metrics.watch('vestibule_circuit_open', { upstream }, () => (isOpen() ? 1 : 0));
  }

  const { outcomes } = get(SessionRenewer);
  for (const outcome of ['confirmed', 'grace', 'refused', 'failed'] as const) {
    metrics.watch('vestibule_renewals_total', { outcome }, () => outcomes[outcome]);
  }
  const { announced, list } = get(RevocationFeed);
  for (const kind of ['session', 'user', 'org', 'api_key', 'everything'] as const) {
    metrics.watch('vestibule_revocations_total', { kind }, () => announced.get(kind) ?? 0);
  }
  metrics.watch('vestibule_revocations_held', {}, () => list.size);
  metrics.watch('vestibule_revocations_staleness_seconds', {}, () => list.staleness() / 1000);

  const tokens = get(VerifiedTokenCache);
  const apiKeys = get(KeyAuthenticator);
  metrics.watch('vestibule_cache_entries', { cache: 'tokens' }, () => tokens.size);
  metrics.watch('vestibule_cache_entries', { cache: 'api_keys' }, () => apiKeys.size);

  const clock = get(Clock);
  const keys = get(SigningKeyRing);
  const age = (): number => Math.max(0, (clock.now() - keys.signing().activatedAt) / 1000);
  metrics.watch('vestibule_signing_key_age_seconds', {}, age);
  metrics.watch('vestibule_signing_key_rotation_seconds', {}, () => SIGNING_KEY_ROTATION);
}
