import { z } from 'zod';
import { commaList, flag, variableDocs } from './variable.js';

const domain = z
  .string()
  .toLowerCase()
  .regex(/^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}$/, {
    error: 'must be domains, such as example.org',
  });

/** Variables that decide who may log in, under every provider. */
export const admissionVariables = {
  SIGNUP: z
    .enum(['open', 'invite', 'closed'], 'must be open, invite or closed')
    .default('open')
    .register(variableDocs, {
      description:
        'Who may get a new account: anyone (`open`), only people with an invite by an administrator or an owner (`invite`), or only those whom an administrator has invited by mail (`closed`). See docs/operations.md.',
      recommendation: 'Use `invite` or `closed` if you know your users.',
    }),
  EMAIL_DOMAINS: commaList
    .pipe(z.array(domain).min(1, 'must name a domain'))
    .default([])
    .register(variableDocs, {
      description:
        'Comma-separated list of e-mail domains. New accounts need an address in one of them, and users can’t change theirs to another domain. A subdomain needs its own entry. Existing users can always log in.',
      derivedDefault: 'none: any domain',
      recommendation:
        'Under `ory`, also turn `REQUIRE_VERIFIED_EMAIL` on: until an address is verified, it is only claimed.',
      example: 'example.org,example.net',
    }),
  REQUIRE_VERIFIED_EMAIL: flag.default(false).register(variableDocs, {
    description:
      'Whether a session gives access only once its e-mail address is verified. Until then, the answer is `email_unverified` (403).',
    recommendation: 'Turn it on unless an unverified address is enough for everything behind the gateway.',
  }),
};
