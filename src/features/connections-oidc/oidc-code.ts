import { CompanyCode } from '../connections/company-code.js';
import type { OidcConnectionSettings } from './oidc-connection.parser.js';
import { OpenIdCompany } from './openid-company.js';

/** Reaches companies by OpenID Connect. */
export const oidcCode = CompanyCode.of(
  'oidc',
  (settings: OidcConnectionSettings, { unconfirmedLife, calls, hosts }) => ({
    by: 'redirect',
    provider: new OpenIdCompany(settings, unconfirmedLife, calls, hosts?.fetch),
  }),
);
