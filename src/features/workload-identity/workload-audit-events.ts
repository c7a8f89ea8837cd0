import { defineAuditEvents } from '../../platform/features/audit-event.catalogue.js';

/** Events of the rules by which workloads are trusted. */
export const workloadEvents = defineAuditEvents('workload-identity', {
  rule_created: { en: 'Workload of a machine trusted', de: 'Workload einer Maschine vertraut' },
  rule_deleted: {
    en: 'Workload of a machine no longer trusted',
    de: 'Workload einer Maschine nicht mehr vertraut',
  },
});
