import { defineFeature } from '../../platform/features/feature.js';
import { crossAppEvents } from './cross-app-audit-events.js';
import { CrossAppDatabase } from './cross-app-grant.schema.js';
import { crossAppGrants } from './cross-app-grants.migration.js';

/** Tokens of protected resources for which the user's company vouches, in the place of a login here: cross-app access, ID-JAG. */
export const crossAppAccess = defineFeature({
  name: 'cross-app-access',
  prefixes: ['cross_app'],
  providers: ['ory'],
  tables: ['cross_app_grants'],
  database: CrossAppDatabase,
  migrations: { '0001-first': crossAppGrants },
  auditEvents: crossAppEvents,
  module: async () => (await import('./cross-app-access.module.js')).CrossAppAccessModule,
});
