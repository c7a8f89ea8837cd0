import { defineFeature } from '../../platform/features/feature.js';
import { workloadEvents } from './workload-audit-events.js';
import { workloadSettings } from './workload-identity.settings.js';
import { workloadKeysCheck } from './workload-keys.check.js';
import { WorkloadDatabase } from './workload-rule.schema.js';
import { workloadRules } from './workload-rules.migration.js';

/** Tokens of machines for workloads that another issuer vouches for, without a secret: Kubernetes, CI jobs, SPIFFE. */
export const workloadIdentity = defineFeature({
  name: 'workload-identity',
  prefixes: ['workload'],
  providers: ['ory'],
  settings: workloadSettings,
  checks: [workloadKeysCheck],
  groups: { workloads: 'Which workloads may be a machine without its secret.' },
  tables: ['workload_rules'],
  database: WorkloadDatabase,
  migrations: { '0001-first': workloadRules },
  auditEvents: workloadEvents,
  module: async () => (await import('./workload-identity.module.js')).WorkloadIdentityModule,
});
