import { z } from 'zod';
import { timestamp } from '../../platform/time/timestamp.schema.js';
import { idSchema } from '../../platform/core/id.schema.js';

/** A live session, as its user or an administrator sees it. */
export const sessionItemSchema = z.object({
  id: idSchema,
  current: z.boolean().meta({ description: 'Whether it is the session of this request.' }),
  device: z.string().meta({
    description: 'From the User-Agent header, which is the sender’s word; `Unknown device` without one.',
    example: 'Chrome on Linux',
  }),
  browser: z.string().nullable().meta({ description: 'Browser or program.', example: 'Chrome' }),
  os: z.string().nullable().meta({ description: 'Operating system.', example: 'Linux' }),
  address: z.string().nullable().meta({ description: 'IP address.', example: '192.0.2.7' }),
  hosts: z.array(z.string()).meta({
    description: 'Hosts in `PROTECTED_HOSTS` on which the session has a cookie too; the last 50.',
    example: ['app.example.com'],
  }),
  createdAt: timestamp,
  lastSeenAt: timestamp.meta({
    description:
      'ISO 8601 in UTC. Written down at login and at renewals, once in `TOKEN_TTL` at most; now for the current session.',
  }),
  expiresAt: timestamp.meta({ description: 'ISO 8601 in UTC: when it ends unless it is used again.' }),
  authTime: timestamp.nullable().meta({
    description: 'ISO 8601 in UTC: when credentials were given; null when the provider does not say.',
  }),
  methods: z.array(z.string()).meta({
    description: 'Authentication methods (RFC 8176), where the provider tells them.',
    example: ['pwd'],
  }),
});

/** A live session, as its user or an administrator sees it. */
export type SessionItem = z.output<typeof sessionItemSchema>;

/** Answer of `GET /auth/sessions`. */
export const sessionsAnswerSchema = z.object({
  items: z.array(sessionItemSchema).meta({ description: 'Newest first.' }),
  nextCursor: z.null().meta({ description: 'There is always one page.' }),
});

/** Answer of `DELETE /auth/sessions`. */
export const endedAnswerSchema = z.object({
  ended: z.int().nonnegative().meta({ description: 'How many sessions have been ended.', example: 2 }),
});
