import { z } from 'zod';
import { claimsSchema } from '../session/claims.schema.js';
import { userSchema } from '../users/user.schema.js';

/** A moment, as answers have it. */
export const moment = z.iso
  .datetime()
  .meta({ description: 'ISO 8601 in UTC.', example: '2026-01-31T12:00:00.000Z' });

/** Body of `POST /auth/login` (step 7). */
export const loginBodySchema = z.strictObject({
  accessToken: z
    .string()
    .min(1)
    .max(8192)
    .meta({ description: "The provider's access token.", example: 'ory_at_Zx3…' }),
  inviteToken: z
    .string()
    .min(1)
    .max(128)
    .optional()
    .meta({ description: 'Of an invite to an organisation; without effect on anything if it is refused.' }),
});

/** Answer of `POST /auth/login`. */
export const loginAnswerSchema = z.object({
  user: userSchema,
  session: z.object({ id: z.uuid(), expiresAt: moment }),
});

/** Answer of `GET /auth/session`. */
export const sessionAnswerSchema = z.object({
  user: userSchema,
  session: z.object({ id: z.uuid(), createdAt: moment, expiresAt: moment }),
  provider: z.enum(['ory', 'auth0', 'oidc']),
  claims: claimsSchema,
});

/** Answer of `POST /auth/logout`. */
export const logoutAnswerSchema = z.object({
  logoutUrl: z.url().nullable().meta({ description: 'Where the browser must go on to, if it must.' }),
});
