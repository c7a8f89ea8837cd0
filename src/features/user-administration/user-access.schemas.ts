import { z } from 'zod';

/** Maximum age of a login, in seconds, for a recovery code and a reset of second factors: either can give the account to somebody else. */
export const recoveryAuthAge = 300;

/** Answer of `POST /api/v1/users/{id}/recovery`. */
export const recoveryCodeSchema = z.object({
  code: z.string().meta({
    description: 'The recovery code. Give it only to the user. It is shown once and can be used once.',
    example: '204715',
  }),
  url: z.url().meta({
    description: 'The page that asks for the code. It works in any browser.',
    example: 'https://auth.example.org/ui/recovery?flow=01980000-0000-7000-8000-000000000000',
  }),
  expiresAt: z.iso.datetime().meta({ description: 'ISO 8601 in UTC.', example: '2026-01-31T12:15:00.000Z' }),
});
