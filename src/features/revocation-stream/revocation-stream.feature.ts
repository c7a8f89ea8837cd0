import { defineFeature } from '../../platform/features/feature.js';

/** Snapshot and stream of revocations, for services that verify tokens by themselves. */
export const revocationStream = defineFeature({
  name: 'revocation-stream',
  module: async () => (await import('./revocation-stream.module.js')).RevocationStreamModule,
});
