import { releasedAuditEvents } from '../../platform/features/audit-event.catalogue.js';

/** Events that only the registration of applications records. */
export const applicationEvents = releasedAuditEvents({
  application_created: { en: 'Application registered', de: 'Anwendung registriert' },
  application_updated: { en: 'Application changed', de: 'Anwendung geändert' },
  application_secret_rotated: {
    en: 'Secret of an application made',
    de: 'Geheimnis einer Anwendung erzeugt',
  },
  application_deleted: { en: 'Application removed', de: 'Anwendung entfernt' },
});
