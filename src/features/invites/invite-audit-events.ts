import { releasedAuditEvents } from '../../platform/features/audit-event.catalogue.js';

/** Events that only invites record. */
export const inviteEvents = releasedAuditEvents({
  invite_created: { en: 'Invitation created', de: 'Einladung erstellt' },
  invite_revoked: { en: 'Invitation revoked', de: 'Einladung zurückgezogen' },
  invite_redeemed: { en: 'Invitation accepted', de: 'Einladung angenommen' },
  invite_declined: { en: 'Invitation declined', de: 'Einladung abgelehnt' },
});
