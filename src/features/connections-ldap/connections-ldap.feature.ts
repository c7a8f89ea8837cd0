import { defineFeature } from '../../platform/features/feature.js';
import { ldapKind } from './ldap-kind.js';

/** Connections to companies' LDAP directories and Active Directory (docs/adr/0035). */
export const connectionsLdap = defineFeature({
  name: 'connections-ldap',
  needs: ['connections'],
  providers: ['ory'],
  connectionKind: ldapKind,
});
