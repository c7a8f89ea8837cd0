import { defineFeature } from '../../platform/features/feature.js';
import { orgEvents } from './org-audit-events.js';
import { orgProblems } from './org-problems.js';

/**
 * Organisations that users make and manage: their members, invites, domains and API keys. Membership itself and its roles are core's
 * (docs/adr/0002).
 */
export const organisations = defineFeature({
  name: 'organisations',
  needs: ['invites'],
  prefixes: ['organisations', 'org', 'domain', 'member', 'join'],
  problems: orgProblems,
  groups: {
    orgs: 'Organisations, with their members, invites, keys and applications. Administrators of the deployment can do what owners can.',
  },
  auditEvents: orgEvents,
  module: async () => (await import('./organisations.module.js')).OrganisationsModule,
});
