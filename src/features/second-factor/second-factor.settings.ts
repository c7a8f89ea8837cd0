import { z } from 'zod';
import { duration, variableDocs } from '../../platform/config/variable.js';
import { defineSettings } from '../../platform/features/feature.js';

/** The settings of the policy that requires a second factor. */
export const secondFactorSettings = defineSettings('second-factor', {
  REQUIRE_SECOND_FACTOR: z
    .enum(['none', 'admins', 'everyone'], 'must be none, admins or everyone')
    .default('none')
    .register(variableDocs, {
      description:
        'Whom this deployment requires to log in with a second factor: no one, its administrators, or everyone. Organisations can require it of their members besides. See docs/security.md.',
      recommendation: 'At least `admins`, once the administrators have set one up.',
    }),
  SECOND_FACTOR_GRACE: duration.default(604_800).register(variableDocs, {
    description:
      'How long users may go on without a second factor, from when one was first required of them, by this deployment or an organisation. It is given once.',
    recommendation: 'If it is made longer, users whose time was over get the rest of it.',
  }),
});
