import { z } from 'zod';
import { createdKeySchema, keyBodySchema, keyItemSchema } from '../api-keys/api-key.schemas.js';

const role = z.enum(['member', 'admin'], { error: 'must be member or admin' });

/** Body of `POST /api/v1/orgs/:id/api-keys`. */
export const orgKeyBodySchema = keyBodySchema.extend({
  role: role
    .default('member')
    .meta({ description: 'What the service account is in the organisation; not more than the caller.' }),
});

const account = {
  userId: z.uuid().meta({ description: 'The service account: `sub` of its tokens.' }),
  role: role
    .nullable()
    .meta({ description: 'Null when the service account was removed from the organisation.' }),
};

/** Answer of `POST /api/v1/orgs/:id/api-keys`. */
export const createdOrgKeySchema = createdKeySchema.extend({ role });

/** Answer of `GET /api/v1/orgs/:id/api-keys`. */
export const orgKeyListSchema = z.object({
  items: z.array(keyItemSchema.extend(account)).meta({ description: 'Oldest first; without revoked ones.' }),
  nextCursor: z.string().nullable().meta({ description: 'For the next page; null on the last one.' }),
});
