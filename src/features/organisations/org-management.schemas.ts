import { z } from 'zod';
import { positionKeySchema, searchSchema } from '../../directory/users/profile-input.js';
import {
  joinPolicySchema,
  nextCursor,
  orgSchema,
  roleSchema,
  secondFactorSchema,
} from '../../orgs/org.schemas.js';
import { displayNameForm, isVisible } from '../../platform/core/display-name.js';
import { idSchema } from '../../platform/core/id.schema.js';
import { pageQuerySchema } from '../../platform/http/page-cursor.js';
import { timestamp } from '../../platform/time/timestamp.schema.js';
import { hostedDomainSchema } from './hosted-domain.js';
import { slugSchema } from './org-slug.js';

const nameSchema = z
  .string()
  .trim()
  .min(1, { error: 'must not be empty', abort: true })
  .max(200, { error: 'must have at most 200 characters' })
  .regex(displayNameForm, { error: 'must not have control characters' })
  .refine(isVisible, { error: 'must have a character that can be seen' })
  .meta({ example: 'Analytical Engines' });

/** Body of `POST /api/v1/orgs`. */
export const newOrgSchema = z.strictObject({ name: nameSchema, slug: slugSchema.optional() });

/** Body of `PATCH /api/v1/orgs/:id`. */
export const orgChangesSchema = z
  .strictObject({
    name: nameSchema,
    slug: slugSchema,
    domain: hostedDomainSchema.nullable(),
    joinPolicy: joinPolicySchema,
    secondFactor: secondFactorSchema,
  })
  .partial()
  // The example has no domain, because a domain must be that of the caller's own verified address.
  .meta({ example: { name: 'Analytical Engines', joinPolicy: 'invite' } });

/** Body of `POST /api/v1/orgs/:id/domain/confirm`. */
export const domainConfirmationSchema = z.strictObject({ domain: hostedDomainSchema });

/** Answer of `GET /api/v1/orgs`. */
export const orgListSchema = z.object({ items: z.array(orgSchema), nextCursor });

const flag = z.enum(['true', 'false'], { error: 'must be true or false' }).optional();

const orgSearchSchema = searchSchema.optional().meta({
  description: 'Only with `all=true`: the beginning of a slug or name, ignoring case, or a whole id.',
});

/** Query of `GET /api/v1/orgs`. */
export const orgsQuerySchema = z
  .object({ ...pageQuerySchema.shape, all: flag, joinable: flag, search: orgSearchSchema })
  .refine(({ all, joinable, search }) => search === undefined || (all === 'true' && joinable !== 'true'), {
    path: ['search'],
    error: 'must come with all=true',
  });

/** The position at which a search continues. */
export const orgKeyPositionSchema = z.strictObject({
  by: z.enum(['slug', 'name']),
  key: positionKeySchema,
  id: z.uuid(),
});

/** Body of `PATCH /api/v1/orgs/:id/members/:userId`. */
export const memberChangesSchema = z.strictObject({ role: roleSchema.meta({ example: 'member' }) });

/** A member, or a user who has asked to join. */
export const memberSchema = z.object({
  user: z.object({
    id: idSchema,
    name: z.string().nullable().meta({ example: 'Ada Lovelace' }),
    email: z.string().nullable().meta({ example: 'ada@example.org' }),
    emailVerified: z.boolean(),
    picture: z.string().nullable().meta({ description: 'URL of a picture.' }),
  }),
  role: roleSchema,
  state: z.enum(['active', 'requested']),
  since: timestamp,
});

/** Answer of `GET /api/v1/orgs/:id/members`. */
export const memberListSchema = z.object({ items: z.array(memberSchema), nextCursor });

/** The membership of a user who was admitted or has asked to join. */
export const membershipSchema = z.object({
  userId: idSchema,
  role: roleSchema,
  state: z.enum(['active', 'requested']),
});

/** Answer of `POST /api/v1/orgs/:id/switch`. */
export const switchedSchema = z.object({
  org: z.object({ id: idSchema, slug: z.string(), role: roleSchema }),
});

export type MemberAnswer = z.output<typeof memberSchema>;
export type Membership = z.output<typeof membershipSchema>;
