import { releasedProblems } from '../../platform/errors/problem.catalogue.js';

/** Problems that only the management of organisations has. */
export const orgProblems = releasedProblems({
  domain_unconfirmed: {
    status: 409,
    title: 'The domain is not confirmed',
    titles: { de: 'Die Domain ist nicht bestätigt' },
    remedy:
      '`detail` states why: claim the domain, publish its DNS record, wait until DNS shows it, or ask an administrator to confirm it.',
  },
});
