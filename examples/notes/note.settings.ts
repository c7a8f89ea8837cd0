import { z } from 'zod';
import { defineSettings } from '@vestibule-auth/vestibule';

/** Our settings: environment variables that begin with the feature's name. */
export const noteSettings = defineSettings('noteSettings', {
  NOTES_FREE_LIMIT: z
    .string()
    .regex(/^\d{1,4}$/, 'must be a whole number')
    .transform(Number)
    .default(3),
});
