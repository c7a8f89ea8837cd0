import { z } from 'zod';
import { timestamp } from '../platform/time/timestamp.schema.js';
import { claimsSchema } from '../session/tokens/claims.schema.js';
import { userSchema } from '../directory/users/user.schema.js';

/** Body of `POST /auth/login` (step 7). */
export const loginBodySchema = z.strictObject({
  accessToken: z
    .string()
    .min(1)
    .max(8192)
    .meta({ description: "The provider's access token.", example: 'ory_at_Zx3…' }),
  inviteToken: z.string().min(1).max(128).optional().meta({
    description:
      'Of an invite to an organisation, accepted with the login; without effect on anything if it is refused. An organisation that is active already stays active.',
  }),
});

/** Answer of `POST /auth/login`. */
export const loginAnswerSchema = z.object({
  user: userSchema,
  session: z.object({ id: z.uuid(), expiresAt: timestamp }),
});

/** Answer of `GET /auth/session`. */
export const sessionAnswerSchema = z.object({
  user: userSchema,
  session: z.object({ id: z.uuid(), createdAt: timestamp, expiresAt: timestamp }),
  provider: z.enum(['ory', 'auth0', 'oidc']),
  claims: claimsSchema,
});

/** Answer of `POST /auth/logout`. */
export const logoutAnswerSchema = z.object({
  logoutUrl: z.url().nullable().meta({ description: 'Where the browser must go on to, if it must.' }),
});
