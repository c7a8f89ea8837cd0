import { defineAuditEvents } from '@vestibule-auth/vestibule';

/** What notes add to the audit trail. */
export const noteEvents = defineAuditEvents('notes', {
  cleared: { en: 'All notes removed', de: 'Alle Notizen entfernt' },
});
