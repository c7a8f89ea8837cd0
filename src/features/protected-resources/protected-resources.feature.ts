import { defineFeature } from '../../platform/features/feature.js';
import { protectedResourceSettings } from './protected-resources.settings.js';

/** Tokens for other services that clients ask for by themselves, each for one resource alone (RFC 8707, docs/adr/0032). */
export const protectedResources = defineFeature({
  name: 'protected-resources',
  providers: ['ory'],
  settings: protectedResourceSettings,
  audiences: ({ PROTECTED_RESOURCES }) =>
    PROTECTED_RESOURCES.map(({ resource }, index) => [`PROTECTED_RESOURCES: entry ${index + 1}`, resource]),
  // Tokens of a resource must not be tokens of anything else.
  contradictions: ({ PROTECTED_RESOURCES }, { PUBLIC_URL, TOKEN_AUDIENCE = PUBLIC_URL }) =>
    PROTECTED_RESOURCES.flatMap(({ resource }, index) =>
      [PUBLIC_URL, TOKEN_AUDIENCE].includes(resource)
        ? [
            `PROTECTED_RESOURCES: entry ${index + 1} is TOKEN_AUDIENCE or PUBLIC_URL, of which tokens are the gateway's own`,
          ]
        : [],
    ),
  module: async () => (await import('./protected-resources.module.js')).ProtectedResourcesModule,
});
