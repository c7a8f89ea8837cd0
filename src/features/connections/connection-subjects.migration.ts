import type { Migration } from 'kysely';

/** Lets a user be found by what a provider calls them, whichever connection leads to it. */
export const subjectIndex: Migration = {
  up: async (query) => {
    await query.schema
      .createIndex('connection_identities_by_subject')
      .on('connection_identities')
      .column('subject')
      .execute();
  },
};
