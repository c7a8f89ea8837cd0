import { z } from 'zod';

/** Maximum age of a login, in seconds, for creating a recovery code: anyone who has the code can take the account. */
export const recoveryAuthAge = 300;

/** Answer of `POST /api/v1/users/{id}/recovery`. */
export const recoveryCodeSchema = z.object({
  code: z.string().meta({ description: 'For the person alone; shown once, good once.', example: '204715' }),
  url: z.url().meta({
    description: 'The page that asks for the code; it works in any browser.',
    example: 'https://auth.example.org/ui/recovery?flow=01980000-0000-7000-8000-000000000000',
  }),
  expiresAt: z.iso.datetime().meta({ description: 'ISO 8601 in UTC.', example: '2026-01-31T12:15:00.000Z' }),
});
