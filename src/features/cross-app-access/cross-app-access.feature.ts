import { defineFeature } from '../../platform/features/feature.js';
import { crossAppEvents } from './cross-app-audit-events.js';
import { CrossAppDatabase } from './cross-app.schema.js';
import { crossAppTables } from './cross-app.migration.js';

/** Cross-app access (ID-JAG), both ways: a company's word in the place of a login here, and ours at another site. */
export const crossAppAccess = defineFeature({
  name: 'cross-app-access',
  prefixes: ['cross_app'],
  providers: ['ory'],
  groups: { 'cross-app-targets': 'Where applications may act for users on the word of this site.' },
  tables: ['cross_app_grants', 'cross_app_targets'],
  database: CrossAppDatabase,
  migrations: { '0001-first': crossAppTables },
  auditEvents: crossAppEvents,
  module: async () => (await import('./cross-app-access.module.js')).CrossAppAccessModule,
});
