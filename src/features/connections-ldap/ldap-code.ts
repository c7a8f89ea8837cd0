import { CompanyCode } from '../connections/company-code.js';
import type { LdapConnectionSettings } from './ldap-connection.parser.js';
import { LdapDirectory } from './ldap-directory.js';

/** Reaches companies by LDAP. */
export const ldapCode = CompanyCode.of('ldap', (settings: LdapConnectionSettings, { clock, hosts }) => ({
  by: 'password',
  directory: new LdapDirectory(settings, clock, hosts),
}));
