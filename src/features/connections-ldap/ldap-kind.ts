import { type ConnectionKind, parserOf } from '../../platform/config/connection-kind.js';
import { ldapSchema, ldapSettingsOf } from './ldap-connection.parser.js';

/** Connections to LDAP directories. Owners need the operator's leave: users type their password here, and some would type this site's. */
export const ldapKind: ConnectionKind = {
  name: 'ldap',
  settings: Object.keys(ldapSchema.shape),
  parse: parserOf(ldapSchema, ldapSettingsOf, {
    servers:
      'must have servers: a list of URLs such as ldaps://dc1.example.org, with ldap:// for StartTLS, and without a path',
  }),
  secrets: ['bind_password'],
  destinations: ['servers', 'ca'],
  routes: {},
  isForOwners: false,
  code: async () => (await import('./ldap-code.js')).ldapCode,
};
