import { releasedAuditEvents } from '../../platform/features/audit-event.catalogue.js';

/** Events that only protected hosts record. */
export const hostEvents = releasedAuditEvents({
  host_login: { en: 'Logged in on a host', de: 'Auf einem Host angemeldet' },
});
