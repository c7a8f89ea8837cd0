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
    .meta({ description: 'The access token, as the login provider issued it.', example: 'ory_at_Zx3…' }),
  inviteToken: z.string().min(1).max(128).optional().meta({
    description:
      'Token of an invite to an organisation, which is accepted with this login. If the invite is refused, so is the login. An organisation that is already active stays active.',
    example: 'Vb2kQ…',
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
  logoutUrl: z.url().nullable().meta({
    description:
      'URL that the browser must open to finish the logout at the provider; null if there is none.',
  }),
});
