import { releasedAuditEvents } from '../../platform/features/audit-event.catalogue.js';

/** Events that only the token endpoint records. */
export const tokenExchangeEvents = releasedAuditEvents({
  token_exchanged: { en: 'Token exchanged', de: 'Token getauscht' },
});
