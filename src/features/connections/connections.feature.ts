import { defineFeature, defineSettings } from '../../platform/features/feature.js';

/** Logins by companies' directories and providers: those of the deployment, and those that organisations connect (docs/connections.md). */
export const connections = defineFeature({
  name: 'connections',
  providers: ['ory'],
  // Its variables are the core's: they are read with the kinds that other features declare.
  settings: defineSettings('connections', {}),
  checks: [
    {
      name: 'connections',
      isCheap: false,
      run: async (_settings, core) => (await import('./connections.check.js')).tryConnections(core),
    },
  ],
  groups: { connections: 'Company logins of organisations: OpenID, SAML and LDAP.' },
  module: async () => (await import('./connections.module.js')).ConnectionsModule,
});
