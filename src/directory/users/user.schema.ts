import { z } from 'zod';
import { timestamp } from '../../platform/time/timestamp.schema.js';
import { exampleId, idSchema } from '../../platform/core/id.schema.js';

/** A person, in answers. */
export const userSchema = z.object({
  id: idSchema,
  email: z.string().nullable().meta({ example: 'ada@example.org' }),
  emailVerified: z.boolean(),
  name: z.string().nullable().meta({ example: 'Ada Lovelace' }),
  picture: z.string().nullable().meta({ description: 'URL of a picture.' }),
});

/** A person's identity at a login provider, in answers. */
export const identitySchema = z.object({
  issuer: z.string().meta({ example: 'urn:ory:kratos' }),
  subject: z.string().meta({ example: exampleId }),
  createdAt: timestamp,
  lastLoginAt: timestamp,
});
