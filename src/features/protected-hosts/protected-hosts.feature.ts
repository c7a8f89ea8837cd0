import { defineFeature } from '../../platform/features/feature.js';
import { hostEvents } from './host-audit-events.js';
import { hostContradictions } from './host-contradictions.js';
import { HostDatabase } from './host.schema.js';
import { protectedHostSettings } from './protected-hosts.settings.js';

/** One login for applications on hosts of their own, each with a cookie of the one session (docs/adr/0031). */
export const protectedHosts = defineFeature({
  name: 'protected-hosts',
  prefixes: ['protected_hosts', 'host_codes', 'session_hosts', 'host'],
  settings: protectedHostSettings,
  contradictions: hostContradictions,
  orgs: ({ PROTECTED_HOSTS }) =>
    PROTECTED_HOSTS.flatMap(({ pattern, requirement: { org } }) =>
      org === undefined ? [] : [[`PROTECTED_HOSTS: ${pattern}`, org] as const],
    ),
  tables: ['host_codes', 'session_hosts'],
  database: HostDatabase,
  auditEvents: hostEvents,
  module: async () => (await import('./protected-hosts.module.js')).ProtectedHostsModule,
});
