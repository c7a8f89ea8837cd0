import { defineAuditEvents } from '../../../platform/features/audit-event.catalogue.js';

/** Events of logouts that applications are told of. */
export const logoutEvents = defineAuditEvents('applications', {
  logout_delivered: { en: 'Application told of a logout', de: 'Anwendung über eine Abmeldung informiert' },
  logout_undelivered: {
    en: 'Application not told of a logout',
    de: 'Anwendung nicht über eine Abmeldung informiert',
  },
});
