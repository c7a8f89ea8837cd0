import { defineFeature } from '../../platform/features/feature.js';
import { connectionEvents } from './connection-audit-events.js';
import { subjectIndex } from './connection-subjects.migration.js';
import { connectionScopes } from './connection-scopes.js';

/** Logins by companies' directories and providers: those of the deployment, and those that organisations connect (docs/connections.md). */
export const connections = defineFeature({
  name: 'connections',
  prefixes: ['connections', 'connection'],
  providers: ['ory'],
  // It has no settings of its own: its variables are the core's, which are read with the kinds that other features declare.
  checks: [
    {
      name: 'connections',
      isCheap: false,
      run: async (_settings, core) => (await import('./connections.check.js')).tryConnections(core),
    },
  ],
  migrations: { '0001-subjects': subjectIndex },
  scopes: connectionScopes,
  groups: { connections: 'Company logins of organisations: OpenID, SAML and LDAP.' },
  auditEvents: connectionEvents,
  module: async () => (await import('./connections.module.js')).ConnectionsModule,
});
