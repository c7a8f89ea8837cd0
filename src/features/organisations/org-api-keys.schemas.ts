import { z } from 'zod';
import { nextCursor } from '../../platform/http/page-cursor.js';
import { createdKeySchema, keyBodySchema, keyItemSchema } from '../../api-keys/api-key.schemas.js';

const role = z.enum(['member', 'admin'], { error: 'must be member or admin' });

/** Body of `POST /api/v1/orgs/:id/api-keys`. */
export const orgKeyBodySchema = keyBodySchema.extend({
  role: role.default('member').meta({
    description:
      'Role of the service account in the organisation. It can’t be higher than the caller’s, and falls to `member` once the caller couldn’t give it any more.',
  }),
});

const account = {
  userId: z.uuid().meta({ description: 'Id of the service account: the `sub` of its tokens.' }),
  role: role
    .nullable()
    .meta({ description: 'Role of the service account; null if it was removed from the organisation.' }),
};

/** Answer of `POST /api/v1/orgs/:id/api-keys`. */
export const createdOrgKeySchema = createdKeySchema.extend({ role });

/** Answer of `GET /api/v1/orgs/:id/api-keys`. */
export const orgKeyListSchema = z.object({
  items: z
    .array(keyItemSchema.extend(account))
    .meta({ description: 'Oldest first. Revoked keys aren’t listed.' }),
  nextCursor,
});
