import { Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { CurrentUser } from '../../session/guards/access.decorators.js';
import { ApiController, ApiRoute } from '../../session/guards/api-route.js';
import type { Principal } from '../../session/principal.js';
import { signingKeysSchema } from './signing-keys.schemas.js';
import { SigningKeys } from './signing-keys.service.js';
import { clientInfoOf } from '../../platform/http/client-info.js';

type Answer = z.output<typeof signingKeysSchema>;

/** The routes with which administrators list and rotate the signing keys. */
@ApiController('api/v1/signing-keys', {
  tag: 'signing keys',
  role: 'admin',
  problems: ['database_unavailable'],
})
export class SigningKeysController {
  constructor(private readonly keys: SigningKeys) {}

  @ApiRoute('GET', '', {
    scope: 'signing-keys:read',
    summary: 'List the keys that sign tokens',
    description:
      'All keys that are still stored, with their states. The public keys are at `/.well-known/jwks.json`; the private keys never leave the database.',
    answer: { description: 'The signing keys.', schema: signingKeysSchema },
  })
  async list(): Promise<Answer> {
    return { items: await this.keys.list(), nextCursor: null };
  }

  @ApiRoute('POST', 'rotate', {
    scope: 'signing-keys:write',
    summary: 'Rotate the signing keys',
    description:
      'The next key signs all tokens from now on, as with `vestibule keys rotate`. Nobody is logged out.',
    answer: { description: 'Rotated. The response lists all keys.', schema: signingKeysSchema },
    problems: ['conflict'],
  })
  async rotate(@CurrentUser() principal: Principal, @Req() request: FastifyRequest): Promise<Answer> {
    return { items: await this.keys.rotate(principal, clientInfoOf(request)), nextCursor: null };
  }
}
