import { z } from 'zod';
import { timestamp } from '../../platform/time/timestamp.schema.js';

/** A signing key without its private half. */
export const signingKeySchema = z.object({
  kid: z.string().meta({
    description: 'RFC 7638 thumbprint, as tokens and the JWKS name it.',
    example: 'kUd0_fHV2gqGJmvbcJM3e3Hb8mN0ykEr3HwMN0yQb5Q',
  }),
  algorithm: z.string().meta({ description: 'RFC 7518, RFC 8037.', example: 'ES256' }),
  state: z.enum(['next', 'current', 'retired', 'revoked']).meta({
    description:
      '`next` is published before it signs, `retired` verifies what it signed, `revoked` is believed no more.',
    example: 'current',
  }),
  createdAt: timestamp,
  activatedAt: timestamp
    .nullable()
    .meta({ description: 'ISO 8601 in UTC: since when it signed; null: not yet.' }),
  retiredAt: timestamp.nullable().meta({
    description: 'ISO 8601 in UTC: since when it signs no more; null: it may still.',
    example: null,
  }),
});

/** Answer of `GET /api/v1/signing-keys` and `POST /api/v1/signing-keys/rotate`. */
export const signingKeysSchema = z.object({
  items: z.array(signingKeySchema).meta({ description: 'Oldest first.' }),
  nextCursor: z.null().meta({ description: 'There is always one page.' }),
});

export type SigningKeyItem = z.output<typeof signingKeySchema>;
