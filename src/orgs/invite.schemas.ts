import { z } from 'zod';
import { timestamp } from '../platform/time/timestamp.schema.js';
import { nextCursor, roleSchema } from './org.schemas.js';
import { idSchema } from '../platform/core/id.schema.js';

/** Body of `POST /api/v1/orgs/:id/invites`. */
export const newInviteSchema = z.strictObject({
  email: z
    .string()
    .max(254, { error: 'must have at most 254 characters' })
    .trim()
    .toLowerCase()
    .pipe(z.email({ error: 'must be an e-mail address' }))
    .optional()
    .meta({ description: 'Only for whom it is; left out: for anyone.', example: 'grace@example.org' }),
  role: roleSchema.default('member'),
});

/** Body of `POST /api/v1/invites/redeem`. */
export const redemptionSchema = z.strictObject({
  token: z.string().min(1).max(128).meta({ description: 'What the link has after `invite=`.' }),
});

/** An invite, as responses contain it. */
export const inviteSchema = z.object({
  id: idSchema,
  email: z.string().nullable().meta({ description: 'Only for whom it is.', example: 'grace@example.org' }),
  role: roleSchema,
  state: z.enum(['open', 'redeemed', 'revoked', 'expired']),
  createdBy: idSchema.meta({ description: 'Id of the user who made it.' }),
  createdAt: timestamp,
  expiresAt: timestamp,
  redeemedBy: idSchema.nullable().meta({ description: 'Id of the user who joined by it.' }),
});

/** Answer of `POST /api/v1/orgs/:id/invites`. */
export const createdInviteSchema = inviteSchema.extend({
  mailed: z.boolean().meta({ description: 'Whether the mail server has taken the mail.' }),
  url: z.url().nullable().meta({
    description: 'The link, shown once, when it was not mailed.',
    example: 'https://auth.example.org/invitation?invite=pYxgJb0V2m3nQ9sXzLr1aTfKd8uHcWe5oPiG7yN4kBt',
  }),
});

/** Answer of `GET /api/v1/orgs/:id/invites`. */
export const inviteListSchema = z.object({ items: z.array(inviteSchema), nextCursor });

/** Answer of `POST /api/v1/invites/redeem`. */
export const redeemedSchema = z.object({ orgId: idSchema, role: roleSchema });

/** Answer of `GET /api/v1/me/invites`. */
export const waitingInvitesSchema = z.object({
  items: z.array(
    z.object({
      id: idSchema,
      org: z.object({
        id: idSchema,
        slug: z.string().meta({ example: 'analytical-engines' }),
        name: z.string().meta({ example: 'Analytical Engines' }),
      }),
      role: roleSchema.meta({ description: 'What the invite makes of the caller.' }),
      expiresAt: timestamp,
      invitedBy: z.object({
        name: z.string().nullable().meta({ description: 'Null without a name.', example: 'Ada Lovelace' }),
      }),
    }),
  ),
  nextCursor,
});

export type InviteAnswer = z.output<typeof inviteSchema>;
export type WaitingInvites = z.output<typeof waitingInvitesSchema>;
export type CreatedInvite = z.output<typeof createdInviteSchema>;
