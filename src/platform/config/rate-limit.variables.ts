import { z } from 'zod';
import { addressRange, ratePolicies, ratePolicyDefaults } from './rate-limit.parser.js';
import { commaList, flag, variableDocs } from './variable.js';

const defaults = Object.entries(ratePolicyDefaults)
  .map(([name, { points, window }]) => `${name}=${points}/${window / 60}m`)
  .join(',');

/** Variables for rate limits. */
export const rateLimitVariables = {
  RATE_LIMIT: flag.default(true).register(variableDocs, {
    description:
      'Whether logins, registrations, recoveries and refused credentials are limited, by account and by address (docs/security.md). Counts are kept in `REDIS_URL` if it is set, otherwise by each process.',
    recommendation:
      'Leave it on. Behind a proxy, set `TRUST_PROXY`; otherwise all clients share one address.',
  }),
  RATE_LIMIT_ALLOW: commaList.pipe(z.array(addressRange)).default([]).register(variableDocs, {
    description: 'Addresses or CIDR ranges without any limit.',
    recommendation: 'List only your own systems: monitors, load tests, the address of a large office.',
    example: '192.0.2.10,2001:db8::/48',
  }),
  RATE_LIMIT_POLICIES: commaList
    .pipe(ratePolicies)
    .default({ ...ratePolicyDefaults })
    .register(variableDocs, {
      description: `Comma-separated list of limits that differ from the default, each \`policy=count/window\`. The defaults: \`${defaults}\`.`,
      derivedDefault: 'the list above',
      example: 'login-pair=5/15m,login-account=50/1h',
    }),
};
