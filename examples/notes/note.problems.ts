import { defineProblems } from '@vestibule-auth/vestibule';

/** Problems that only notes have. */
export const noteProblems = defineProblems('notes', {
  plan_full: {
    status: 409,
    title: 'The plan has no room for another note',
    titles: { de: 'Der Tarif hat keinen Platz für eine weitere Notiz' },
    remedy: 'Remove a note, or change to the plan `team`.',
  },
});
