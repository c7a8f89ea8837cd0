import { releasedAuditEvents } from '../../platform/features/audit-event.catalogue.js';

/** Events that only the management of connections records. */
export const connectionEvents = releasedAuditEvents({
  connection_created: { en: 'Company login connected', de: 'Firmenanmeldung verbunden' },
  connection_updated: { en: 'Company login changed', de: 'Firmenanmeldung geändert' },
  connection_deleted: { en: 'Company login removed', de: 'Firmenanmeldung entfernt' },
});
