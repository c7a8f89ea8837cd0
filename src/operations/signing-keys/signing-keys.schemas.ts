import { z } from 'zod';
import { noNextCursor } from '../../platform/http/page-cursor.js';
import { timestamp } from '../../platform/time/timestamp.schema.js';

/** A signing key without its private half. */
export const signingKeySchema = z.object({
  kid: z.string().meta({
    description: 'Key id: the RFC 7638 thumbprint, as in tokens and the JWKS.',
    example: 'kUd0_fHV2gqGJmvbcJM3e3Hb8mN0ykEr3HwMN0yQb5Q',
  }),
  algorithm: z.string().meta({ description: 'Signature algorithm (RFC 7518, RFC 8037).', example: 'ES256' }),
  state: z.enum(['next', 'current', 'retired', 'revoked']).meta({
    description:
      '`next` is published but doesn’t sign yet, `current` signs, `retired` only verifies what it signed, `revoked` is no longer trusted.',
    example: 'current',
  }),
  createdAt: timestamp,
  activatedAt: timestamp
    .nullable()
    .meta({ description: 'When the key began to sign, ISO 8601 in UTC; null: not yet.' }),
  retiredAt: timestamp.nullable().meta({
    description: 'When the key was retired or revoked, ISO 8601 in UTC; null: neither.',
    example: null,
  }),
});

/** Answer of `GET /api/v1/signing-keys` and `POST /api/v1/signing-keys/rotate`. */
export const signingKeysSchema = z.object({
  items: z.array(signingKeySchema).meta({ description: 'Oldest first.' }),
  nextCursor: noNextCursor,
});

export type SigningKeyItem = z.output<typeof signingKeySchema>;
