import { defineFeature } from '../../platform/features/feature.js';

/** Logins by companies' directories and providers: those of the deployment, and those that organisations connect (docs/connections.md). */
export const connections = defineFeature({
  name: 'connections',
  providers: ['ory'],
  groups: { connections: 'Company logins of organisations: OpenID, SAML and LDAP.' },
  module: async () => (await import('./connections.module.js')).ConnectionsModule,
});
