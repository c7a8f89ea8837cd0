import { z } from 'zod';
import { timestamp } from '../../platform/time/timestamp.schema.js';
import { nextCursor, pageQuerySchema } from '../../platform/http/page-cursor.js';
import {
  nameSchema,
  pictureSchema,
  positionKeySchema,
  searchSchema,
} from '../../directory/users/profile-input.js';
import { identitySchema, userSchema } from '../../directory/users/user.schema.js';
import { idSchema } from '../../platform/core/id.schema.js';

const role = z
  .enum(['user', 'admin'])
  .meta({ description: 'Role in the deployment. `admin` can administer all of it; `user` can’t.' });
const state = z.enum(['active', 'disabled']).meta({
  description: 'A `disabled` user can’t log in, and their sessions, tokens and API keys are refused.',
});
const kind = z.enum(['person', 'service']).meta({
  description: '`person`, or `service`: the service account that an organisation’s API key acts as.',
});

/** Query of `GET /api/v1/users`. */
export const usersQuerySchema = pageQuerySchema.extend({
  search: searchSchema.optional(),
  state: state.optional(),
  role: role.optional(),
  kind: kind.default('person'),
});

/** A user as administrators see them in a list. */
export const listedUserSchema = userSchema.extend({
  role,
  kind,
  state,
  sharesEmail: z.boolean().meta({
    description:
      'Whether another active user has the same verified e-mail address. Both may be the same person, logged in through two different providers or methods.',
  }),
  createdAt: timestamp,
  lastLoginAt: timestamp
    .nullable()
    .meta({ description: 'When the user last logged in, ISO 8601 in UTC; null before the first login.' }),
});

/** Answer of `GET /api/v1/users`. */
export const userListSchema = z.object({
  items: z.array(listedUserSchema),
  nextCursor,
});

/** Answer of `GET /api/v1/users/{id}`: a user with identities and organisations. */
export const userDetailSchema = listedUserSchema.extend({
  identities: z.array(identitySchema).meta({ description: 'The user’s identities at login providers.' }),
  orgs: z
    .array(
      z.object({
        id: idSchema,
        slug: z.string().meta({ example: 'analytical-engines' }),
        name: z.string().meta({ example: 'Analytical Engines' }),
        role: z.enum(['owner', 'admin', 'member']),
      }),
    )
    .meta({ description: 'The organisations that the user is a member of, at most the first 100.' }),
});

/** A user, as administrators see one of them. */
export type UserDetail = z.output<typeof userDetailSchema>;

/** Body of `PATCH /api/v1/users/{id}`. */
export const userChangeSchema = z
  .strictObject({
    name: nameSchema.optional(),
    picture: pictureSchema.optional(),
    role: role.optional(),
  })
  .refine((change) => Object.values(change).some((value) => value !== undefined), {
    error: 'must have a field to change',
  });

/** The position at which a search continues. */
export const keyPositionSchema = z.strictObject({
  by: z.enum(['email', 'name']),
  key: positionKeySchema,
  id: z.uuid(),
});
