import { type ConnectionKind, parserOf } from '../../platform/config/connection-kind.js';
import { oidcSchema, oidcSettingsOf } from './oidc-connection.parser.js';

/** Connections to OpenID providers. */
export const oidcKind: ConnectionKind = {
  name: 'oidc',
  settings: Object.keys(oidcSchema.shape),
  parse: parserOf(oidcSchema, oidcSettingsOf, {
    issuer:
      'must have an issuer: an https URL without query, such as https://login.example.org; http only on this machine',
  }),
  secrets: ['client_secret'],
  destinations: ['issuer'],
  routes: { redirect: 'callback', logout: 'backchannel-logout' },
  isForOwners: true,
  code: async () => (await import('./oidc-code.js')).oidcCode,
};
