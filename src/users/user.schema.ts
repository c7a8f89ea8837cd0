import { z } from 'zod';

/** A person, in answers. */
export const userSchema = z.object({
  id: z.uuid().meta({ example: '01980000-0000-7000-8000-000000000000' }),
  email: z.string().nullable().meta({ example: 'ada@example.org' }),
  emailVerified: z.boolean(),
  name: z.string().nullable().meta({ example: 'Ada Lovelace' }),
  picture: z.string().nullable().meta({ description: 'URL of a picture.' }),
});
