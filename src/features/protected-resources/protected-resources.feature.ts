import { defineFeature } from '../../platform/features/feature.js';
import { ResourceDatabase } from './grant-key.schema.js';
import { grantKeys } from './grant-keys.migration.js';
import { protectedResourceSettings } from './protected-resources.settings.js';

/** Tokens for other services that clients ask for by themselves, each for one resource alone (RFC 8707, docs/adr/0032). */
export const protectedResources = defineFeature({
  name: 'protected-resources',
  providers: ['ory'],
  prefixes: ['protected_resources', 'resource'],
  settings: protectedResourceSettings,
  tables: ['resource_grant_keys'],
  database: ResourceDatabase,
  migrations: { '0001-first': grantKeys },
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
