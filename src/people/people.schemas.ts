import { z } from 'zod';
import { pageQuerySchema } from '../http/page.cursor.js';
import { nameSchema, pictureSchema, searchSchema } from '../users/profile.input.js';
import { identitySchema, userSchema } from '../users/user.schema.js';

const unprintable = /[\p{Cc}\p{Cs}]/u;

const moment = z.iso
  .datetime()
  .meta({ description: 'ISO 8601 in UTC.', example: '2026-01-31T12:00:00.000Z' });
const id = z.uuid().meta({ example: '01980000-0000-7000-8000-000000000000' });
const role = z.enum(['user', 'admin']).meta({ description: '`admin` administers the whole deployment.' });
const state = z.enum(['active', 'disabled']).meta({ description: '`disabled`: refused everywhere.' });
const kind = z
  .enum(['person', 'service'])
  .meta({ description: '`service`: what an organisation’s API keys act as.' });

/** Query of `GET /api/v1/users`. */
export const usersQuerySchema = pageQuerySchema.extend({
  search: searchSchema.optional(),
  state: state.optional(),
  role: role.optional(),
  kind: kind.default('person'),
});

/** A user as administrators see them in a list. */
export const personSchema = userSchema.extend({
  role,
  kind,
  state,
  createdAt: moment,
  lastLoginAt: moment.nullable().meta({ description: 'ISO 8601 in UTC; null before the first login.' }),
});

/** Answer of `GET /api/v1/users`. */
export const peopleSchema = z.object({
  items: z.array(personSchema),
  nextCursor: z.string().nullable().meta({ description: 'For the next page; null on the last one.' }),
});

/** Answer of `GET /api/v1/users/{id}`. */
export const personDetailSchema = personSchema.extend({
  identities: z.array(identitySchema).meta({ description: 'Who the person is at login providers.' }),
  orgs: z
    .array(
      z.object({
        id,
        slug: z.string().meta({ example: 'analytical-engines' }),
        name: z.string().meta({ example: 'Analytical Engines' }),
        role: z.enum(['owner', 'admin', 'member']),
      }),
    )
    .meta({ description: 'Organisations that the person is a member of; the first 100.' }),
});

/** Body of `PATCH /api/v1/users/{id}`. */
export const personChangeSchema = z
  .strictObject({
    name: nameSchema.optional(),
    picture: pictureSchema.optional(),
    role: role.optional(),
  })
  .refine((change) => Object.values(change).some((value) => value !== undefined), {
    error: 'must have a field to change',
  });

const key = z
  .string()
  .max(1000)
  .refine((text) => !unprintable.test(text));

/** Where a list without a search goes on. */
export const idPositionSchema = z.strictObject({ by: z.literal('id'), id: z.uuid() });

/** Where a search goes on. */
export const keyPositionSchema = z.strictObject({ by: z.enum(['email', 'name']), key, id: z.uuid() });
