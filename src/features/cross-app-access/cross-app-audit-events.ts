import { defineAuditEvents } from '../../platform/features/audit-event.catalogue.js';

/** Events of cross-app access. */
export const crossAppEvents = defineAuditEvents('cross-app-access', {
  token_issued: {
    en: 'Token issued on the word of a company’s login',
    de: 'Token auf das Wort einer Firmenanmeldung ausgestellt',
  },
});
