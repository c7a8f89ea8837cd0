import { releasedAuditEvents } from '../../platform/features/audit-event.catalogue.js';

/** Events that only the management of organisations records. */
export const orgEvents = releasedAuditEvents({
  org_created: { en: 'Organisation created', de: 'Organisation angelegt' },
  org_updated: { en: 'Organisation changed', de: 'Organisation geändert' },
  org_deleted: { en: 'Organisation deleted', de: 'Organisation gelöscht' },
  org_domain_confirmed: { en: 'Domain confirmed', de: 'Domain bestätigt' },
  org_switched: { en: 'Organisation switched', de: 'Organisation gewechselt' },
  member_removed: { en: 'Member removed', de: 'Mitglied entfernt' },
  join_requested: { en: 'Asked to join', de: 'Aufnahme beantragt' },
});
