import { variableDocs } from '../../platform/config/variable.js';
import { defineSettings } from '../../platform/features/feature.js';
import { protectedHosts } from './protected-hosts.parser.js';

/** The setting of protected hosts. */
export const protectedHostSettings = defineSettings('protectedHostSettings', {
  PROTECTED_HOSTS: protectedHosts.default([]).register(variableDocs, {
    description:
      'Further hosts whose applications are behind forward auth, separated by commas or line ends. Each entry is a host, or `*.` and a domain for all hosts below it, with the requirements of that host as in the query of `/auth/verify`: `app.example.com?role=admin&verified=true` (docs/forward-auth.md).',
    derivedDefault: 'none: only the host of `PUBLIC_URL`',
    recommendation: 'List hosts by name, and organisations by id.',
    example:
      'app.example.com,wiki.example.net?org=01980000-0000-7000-8000-000000000000,*.apps.example.com?role=admin&acr=aal2',
  }),
});
