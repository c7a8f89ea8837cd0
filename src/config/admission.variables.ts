import { z } from 'zod';
import { commaList, flag, variableDocs } from './variable.js';

const domain = z
  .string()
  .toLowerCase()
  .regex(/^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}$/, {
    error: 'must be domains, such as example.org',
  });

/** Who gets in, under every provider. */
export const admissionVariables = {
  SIGNUP: z
    .enum(['open', 'invite', 'closed'], 'must be open, invite or closed')
    .default('open')
    .register(variableDocs, {
      description:
        'Who may get a new account: `open` anyone, `invite` only those with an invite to an organisation that is for them, `closed` no one. It holds for registrations under `ory` and for first logins under `auth0` and `oidc`. Users who exist go on logging in.',
      recommendation:
        '`invite` or `closed` wherever the people are known. An `ADMIN_EMAIL` always gets its account (docs/operations.md).',
    }),
  EMAIL_DOMAINS: commaList
    .pipe(z.array(domain).min(1, 'must name a domain'))
    .default([])
    .register(variableDocs, {
      description:
        'Comma list of e-mail domains: new accounts need an address of one of them, and nobody changes theirs to another domain in the settings. Subdomains are domains of their own. Users who exist are not affected. Under `auth0` and `oidc` the provider must have verified the address.',
      derivedDefault: 'none: any domain',
      recommendation:
        'Under `ory` an address is only claimed until it is verified: turn `REQUIRE_VERIFIED_EMAIL` on with it.',
      example: 'example.org,example.net',
    }),
  REQUIRE_VERIFIED_EMAIL: flag.default(false).register(variableDocs, {
    description:
      'Whether a session opens anything only once its e-mail address is verified: until then pages lead to the verification, and the API and forward auth answer `email_unverified` (403).',
    recommendation: 'Turn it on unless a claimed address is good enough for everything behind the gateway.',
  }),
};
