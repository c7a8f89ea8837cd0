import { type ConnectionKind, parserOf } from '../../platform/config/connection-kind.js';
import { samlSchema, samlSettingsOf } from './saml-connection.parser.js';

/** Connections to SAML 2.0 providers. */
export const samlKind: ConnectionKind = {
  name: 'saml',
  settings: Object.keys(samlSchema.shape),
  parse: parserOf(samlSchema, samlSettingsOf),
  secrets: ['key'],
  // The key is sent nowhere.
  destinations: [],
  routes: { redirect: 'acs', logout: 'slo', metadata: 'metadata' },
  isForOwners: true,
  code: async () => (await import('./saml-code.js')).samlCode,
};
