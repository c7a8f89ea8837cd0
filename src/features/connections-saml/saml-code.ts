import { CompanyCode } from '../connections/company-code.js';
import { SamlCompany } from './saml-company.js';
import type { SamlConnectionSettings } from './saml-connection.parser.js';

/** Reaches companies by SAML. */
export const samlCode = CompanyCode.of(
  'saml',
  (settings: SamlConnectionSettings, { publicUrl, clock, hosts }) => ({
    by: 'redirect',
    provider: new SamlCompany(settings, publicUrl, clock, hosts?.fetch),
  }),
);
