import { z } from 'zod';
import { nextCursor } from '../../platform/http/page-cursor.js';
import { timestamp } from '../../platform/time/timestamp.schema.js';
import { idSchema } from '../../platform/core/id.schema.js';

/** A live session, as its user or an administrator sees it. */
export const sessionItemSchema = z.object({
  id: idSchema,
  current: z.boolean().meta({ description: 'Whether this is the session of the current request.' }),
  device: z.string().meta({
    description:
      'The device, guessed from the User-Agent header, which clients can set to anything; `Unknown device` without one.',
    example: 'Chrome on Linux',
  }),
  browser: z
    .string()
    .nullable()
    .meta({ description: 'Name of the browser or other program.', example: 'Chrome' }),
  os: z.string().nullable().meta({ description: 'Operating system.', example: 'Linux' }),
  address: z.string().nullable().meta({ description: 'Latest recorded IP address.', example: '192.0.2.7' }),
  hosts: z.array(z.string()).meta({
    description: 'Hosts in `PROTECTED_HOSTS` on which this session has a cookie too, at most the last 50.',
    example: ['app.example.com'],
  }),
  createdAt: timestamp,
  lastSeenAt: timestamp.meta({
    description:
      'ISO 8601 in UTC. Updated at login and at each renewal, at most once per `TOKEN_TTL`. For the current session, it is the current time.',
  }),
  expiresAt: timestamp.meta({
    description: 'When the session ends unless it is used again, ISO 8601 in UTC.',
  }),
  authTime: timestamp.nullable().meta({
    description: 'When the user last gave credentials, ISO 8601 in UTC; null if the provider doesn’t say.',
  }),
  methods: z.array(z.string()).meta({
    description: 'Authentication methods used (RFC 8176), if the provider states them.',
    example: ['pwd'],
  }),
});

/** A live session, as its user or an administrator sees it. */
export type SessionItem = z.output<typeof sessionItemSchema>;

/** Answer of `GET /auth/sessions`. */
export const sessionsAnswerSchema = z.object({
  items: z.array(sessionItemSchema).meta({ description: 'Newest first.' }),
  nextCursor,
});

/** Answer of `DELETE /auth/sessions`. */
export const endedAnswerSchema = z.object({
  ended: z.int().nonnegative().meta({ description: 'How many sessions were ended.', example: 2 }),
});
