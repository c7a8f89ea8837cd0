import { defineAuditEvents } from '../../platform/features/audit-event.catalogue.js';

/** Events of cross-app access. */
export const crossAppEvents = defineAuditEvents('cross-app-access', {
  token_issued: {
    en: 'Token issued on the word of a company’s login',
    de: 'Token auf das Wort einer Firmenanmeldung ausgestellt',
  },
  assertion_issued: {
    en: 'Application vouched for at another site',
    de: 'Für eine Anwendung bei einer anderen Website gebürgt',
  },
  target_created: {
    en: 'Application may act for users at another site',
    de: 'Anwendung darf bei einer anderen Website für Benutzer handeln',
  },
  target_deleted: {
    en: 'Application may no longer act for users at another site',
    de: 'Anwendung darf bei einer anderen Website nicht mehr für Benutzer handeln',
  },
});
