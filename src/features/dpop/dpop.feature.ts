import { defineFeature } from '../../platform/features/feature.js';
import { dpopSettings } from './dpop.settings.js';

/** Tokens that are good only with a proof of their client's key (DPoP, RFC 9449, docs/adr/0056). */
export const dpop = defineFeature({
  name: 'dpop',
  settings: dpopSettings,
  isUsed: ({ DPOP_AUDIENCES }) => DPOP_AUDIENCES.length > 0,
  contradictions: ({ DPOP_AUDIENCES }, { PUBLIC_URL, TOKEN_AUDIENCE = PUBLIC_URL, audiences = [] }) => {
    const known = new Set([TOKEN_AUDIENCE, ...audiences.map(([, audience]) => audience)]);
    return DPOP_AUDIENCES.flatMap((audience, index) =>
      known.has(audience)
        ? []
        : [
            `DPOP_AUDIENCES: entry ${index + 1} is neither TOKEN_AUDIENCE nor in PROTECTED_RESOURCES, which are ${[...known].join(', ')}`,
          ],
    );
  },
  module: async () => (await import('./dpop.module.js')).DpopModule,
});
