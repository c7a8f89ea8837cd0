import { releasedAuditEvents } from '../../platform/features/audit-event.catalogue.js';

/** Events that only the administration of users records. */
export const userEvents = releasedAuditEvents({
  recovery_code_created: { en: 'Recovery code created', de: 'Wiederherstellungscode erzeugt' },
});
