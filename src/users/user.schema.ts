import { z } from 'zod';

/** A person, in answers. */
export const userSchema = z.object({
  id: z.uuid().meta({ example: '01980000-0000-7000-8000-000000000000' }),
  email: z.string().nullable().meta({ example: 'ada@example.org' }),
  emailVerified: z.boolean(),
  name: z.string().nullable().meta({ example: 'Ada Lovelace' }),
  picture: z.string().nullable().meta({ description: 'URL of a picture.' }),
});

const moment = z.iso
  .datetime()
  .meta({ description: 'ISO 8601 in UTC.', example: '2026-01-31T12:00:00.000Z' });

/** Who a person is at a login provider, in answers. */
export const identitySchema = z.object({
  issuer: z.string().meta({ example: 'urn:ory:kratos' }),
  subject: z.string().meta({ example: '01980000-0000-7000-8000-000000000000' }),
  createdAt: moment,
  lastLoginAt: moment,
});
