import { z } from 'zod';
import { nextCursor } from '../platform/http/page-cursor.js';
import { timestamp } from '../platform/time/timestamp.schema.js';
import { isVisible } from '../platform/core/display-name.js';
import { isScopeToken } from '../platform/core/scope.form.js';
import { scopeTokens } from '../session/guards/scopes.js';
import { idSchema } from '../platform/core/id.schema.js';

const maximumScopes = 20;
const maximumName = 200;

/** What a refused scope must be. */
export const keyScopeMessage =
  'must be 1 to 20 scopes, separated by blanks or as a list: those of this API, or your own, such as documents:read';

/** A name as a user typed it → without surrounding spaces. */
export const keyName = z
  .string({ error: 'must be a name of 1 to 200 characters' })
  .trim()
  .min(1, { error: 'must be a name of 1 to 200 characters', abort: true })
  .max(maximumName, { error: 'must be a name of 1 to 200 characters' })
  .regex(/^\P{C}*$/u, { error: 'must not hold control characters', abort: true })
  .refine(isVisible, { error: 'must have a character that can be seen' })
  .meta({ description: 'Name by which its owner recognises the key.', example: 'Nightly export' });

/** Scopes, separated by spaces or as a list → each once. Whether they exist depends on the features of the deployment. */
export const keyScope = z
  .union([z.string().max(2000), z.array(z.string().max(100)).max(100)], { error: keyScopeMessage })
  .transform((given) => [...new Set(typeof given === 'string' ? scopeTokens(given) : given)])
  .refine((tokens) => tokens.length >= 1 && tokens.length <= maximumScopes && tokens.every(isScopeToken), {
    error: keyScopeMessage,
  })
  .meta({
    description: 'Scopes, separated by spaces or as a list. They can’t exceed the caller’s own scope.',
    example: 'orgs:read keys:read',
  });

const keyExpiry = z
  .union([z.iso.datetime({ offset: true }), z.null()], {
    error: 'must be a moment in ISO 8601, or null for a key without an end',
  })
  .default(null)
  .meta({
    description:
      'When the key expires, ISO 8601, within a year; null or left out: never. A key created with a bearer token or an expiring key expires no later than that credential.',
  });

/** Body of `POST /api/v1/api-keys`. */
export const keyBodySchema = z.strictObject({ name: keyName, scope: keyScope, expiresAt: keyExpiry });

/** A key as its owner sees it. */
export const keyItemSchema = z.object({
  id: idSchema,
  name: z.string().meta({ example: 'Nightly export' }),
  prefix: z.string().meta({
    description: 'The beginning of the key: enough to recognise it, too little to use it.',
    example: 'vst_01980000000070008000000000000000',
  }),
  scope: z.string().meta({ description: 'Space-separated scopes.', example: 'orgs:read keys:read' }),
  createdAt: timestamp,
  expiresAt: timestamp
    .nullable()
    .meta({ description: 'When the key expires, ISO 8601 in UTC; null: never.' }),
  lastUsedAt: timestamp.nullable().meta({
    description: 'When the key was last used, ISO 8601 in UTC, accurate to half a minute; null: never.',
  }),
});

/** A key that has just been made: the key itself is shown only here. */
export const createdKeySchema = keyItemSchema.omit({ lastUsedAt: true }).extend({
  key: z.string().meta({
    description: 'The key itself. It is shown only in this response, because only its hash is stored.',
  }),
});

/** Answer of `GET /api/v1/api-keys`. */
export const keyListSchema = z.object({
  items: z.array(keyItemSchema).meta({ description: 'Oldest first. Revoked keys aren’t listed.' }),
  nextCursor,
});

/** The requested properties of a new key. */
export type KeyInput = z.output<typeof keyBodySchema>;
export type KeyItem = z.output<typeof keyItemSchema>;
export type CreatedKey = z.output<typeof createdKeySchema>;
