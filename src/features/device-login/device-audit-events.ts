import { defineAuditEvents } from '../../platform/features/audit-event.catalogue.js';

/** Events of logins on devices. */
export const deviceLoginEvents = defineAuditEvents('device-login', {
  allowed: { en: 'Login on a device allowed', de: 'Anmeldung an einem Gerät erlaubt' },
  denied: { en: 'Login on a device denied', de: 'Anmeldung an einem Gerät abgelehnt' },
  code_refused: { en: 'Wrong code of a device entered', de: 'Falscher Code eines Geräts eingegeben' },
});
