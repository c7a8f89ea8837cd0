import { z } from 'zod';
import { timestamp } from '../../platform/time/timestamp.schema.js';
import { nextCursor, roleSchema } from '../../orgs/org.schemas.js';
import { idSchema } from '../../platform/core/id.schema.js';
import { addressSchema } from '../../platform/core/account-identifier.js';

/** Body of `POST /api/v1/invites`. */
export const newAccountInviteSchema = z.strictObject({
  email: addressSchema.meta({ description: 'The invited e-mail address.', example: 'grace@example.org' }),
});

/** Body of `POST /api/v1/orgs/:id/invites`. */
export const newInviteSchema = z.strictObject({
  email: addressSchema.optional().meta({
    description: 'The only e-mail address that can accept the invite; if left out, anyone with the link can.',
    example: 'grace@example.org',
  }),
  role: roleSchema.default('member'),
});

/** Whether an invite may give more than the lowest role to one known address: it needs a recent login, as a change of a role does. */
export const invitesWithPower = (body: unknown): boolean => {
  const { data } = newInviteSchema.safeParse(body);
  return data !== undefined && (data.role !== 'member' || data.email === undefined);
};

/** Body of `POST /api/v1/invites/redeem`. */
export const redemptionSchema = z.strictObject({
  token: z.string().min(1).max(128).meta({ description: 'The token: the part of the link after `invite=`.' }),
});

/** An invite, as responses contain it. */
export const inviteSchema = z.object({
  id: idSchema,
  email: z.string().nullable().meta({
    description: 'The only e-mail address that can accept the invite; null: anyone with the link can.',
    example: 'grace@example.org',
  }),
  role: roleSchema,
  state: z.enum(['open', 'redeemed', 'revoked', 'expired']),
  createdBy: idSchema.meta({ description: 'Id of the user who created the invite.' }),
  createdAt: timestamp,
  expiresAt: timestamp,
  redeemedBy: idSchema
    .nullable()
    .meta({ description: 'Id of the user who accepted the invite; null: nobody has.' }),
});

/** An invite for an account alone, as responses contain it. */
export const accountInviteSchema = inviteSchema.omit({ role: true });

/** What an answer says besides about a new invite. */
const delivery = {
  mailed: z.boolean().meta({ description: 'Whether the mail server has accepted the mail.' }),
  opensSignUp: z.boolean().meta({
    description:
      'Whether someone without an account can create one with the invite (`SIGNUP`, `EMAIL_DOMAINS`). If not, only existing users can accept it.',
  }),
  url: z.url().nullable().meta({
    description: 'The link, shown only in this response; null if it was mailed.',
    example: 'https://auth.example.org/invitation?invite=pYxgJb0V2m3nQ9sXzLr1aTfKd8uHcWe5oPiG7yN4kBt',
  }),
};

/** Answer of `POST /api/v1/orgs/:id/invites`. */
export const createdInviteSchema = inviteSchema.extend(delivery);

/** Answer of `POST /api/v1/invites`. */
export const createdAccountInviteSchema = accountInviteSchema.extend(delivery);

/** Answer of `GET /api/v1/invites`. */
export const accountInviteListSchema = z.object({ items: z.array(accountInviteSchema), nextCursor });

/** Answer of `GET /api/v1/orgs/:id/invites`. */
export const inviteListSchema = z.object({ items: z.array(inviteSchema), nextCursor });

/** Answer of `POST /api/v1/invites/redeem`. */
export const redeemedSchema = z.object({
  orgId: idSchema
    .nullable()
    .meta({ description: 'Id of the organisation; null if the invite was only for an account.' }),
  role: roleSchema.nullable(),
});

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
      role: roleSchema.meta({ description: 'The role that the caller gets in the organisation.' }),
      expiresAt: timestamp,
      invitedBy: z.object({
        name: z.string().nullable().meta({
          description: 'Name of the user who created the invite; null if they have none.',
          example: 'Ada Lovelace',
        }),
      }),
    }),
  ),
  nextCursor,
});

export type InviteAnswer = z.output<typeof inviteSchema>;
export type AccountInvite = z.output<typeof accountInviteSchema>;
export type CreatedAccountInvite = z.output<typeof createdAccountInviteSchema>;
export type WaitingInvites = z.output<typeof waitingInvitesSchema>;
export type CreatedInvite = z.output<typeof createdInviteSchema>;
