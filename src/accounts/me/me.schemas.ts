import { z } from 'zod';
import { nextCursor, noNextCursor } from '../../platform/http/page-cursor.js';
import { identitySchema, userSchema } from '../../directory/users/user.schema.js';
import { nameSchema, pictureSchema } from '../../directory/users/profile-input.js';
import { idSchema } from '../../platform/core/id.schema.js';

const orgRole = z.enum(['owner', 'admin', 'member']).meta({ example: 'member' });

/** Answer of `GET /api/v1/me`. */
export const meSchema = userSchema.extend({
  role: z
    .enum(['user', 'admin'])
    .meta({ description: 'Role in the deployment. `admin` can administer all of it; `user` can’t.' }),
  org: z
    .object({
      id: idSchema,
      slug: z.string().meta({ example: 'analytical-engines' }),
      role: orgRole,
    })
    .nullable()
    .meta({
      description:
        'The active organisation, or null if there is none. `GET /api/v1/me/orgs` lists all of the caller’s organisations.',
    }),
});

/** Answer of `GET /api/v1/me/orgs`. */
export const myOrgsSchema = z.object({
  items: z.array(
    z.object({
      id: idSchema,
      slug: z.string().meta({ example: 'analytical-engines' }),
      name: z.string().meta({ example: 'Analytical Engines' }),
      role: orgRole,
      active: z
        .boolean()
        .meta({ description: 'Whether this is the active organisation in the token of this request.' }),
    }),
  ),
  nextCursor,
});

/** Answer of `GET /api/v1/me/identities`. */
export const myIdentitiesSchema = z.object({
  items: z.array(identitySchema),
  nextCursor: noNextCursor,
});

/** Body of `PATCH /api/v1/me`. */
export const myProfileSchema = z
  .strictObject({ name: nameSchema.optional(), picture: pictureSchema.optional() })
  .refine(({ name, picture }) => name !== undefined || picture !== undefined, {
    error: 'must have a field to change',
  });

/** The organisation after which the list continues. */
export const orgPositionSchema = z.strictObject({ id: z.uuid() });
