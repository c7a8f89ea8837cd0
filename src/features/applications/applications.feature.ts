import { defineFeature } from '../../platform/features/feature.js';
import { applicationTexts } from './application-texts.js';
import { applicationEvents } from './application-audit-events.js';
import { ApplicationDatabase } from './application.schema.js';
import { applicationScopes } from './application-scopes.js';
import { applicationLogouts } from './logouts/application-logouts.migration.js';
import { logoutEvents } from './logouts/logout-audit-events.js';

/**
 * Applications that log users in here, of the deployment and of organisations, and what users have allowed them. Without it, core judges
 * those that Hydra keeps as before, and removes those of deleted organisations; nobody registers or changes one, or revokes a consent.
 */
export const applications = defineFeature({
  name: 'applications',
  prefixes: ['applications', 'application'],
  providers: ['ory'],
  scopes: applicationScopes,
  groups: { applications: 'OAuth clients that log users in here, and who uses them.' },
  texts: applicationTexts,
  tables: ['application_logins', 'application_logouts'],
  database: ApplicationDatabase,
  migrations: { '0001-logouts': applicationLogouts },
  auditEvents: { ...applicationEvents, ...logoutEvents },
  module: async () => (await import('./applications.module.js')).ApplicationsModule,
});
