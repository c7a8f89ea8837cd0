import { newId } from '../../src/platform/core/identifier.js';
import type { TokenSubject } from '../../src/session/tokens/token.service.js';

/** Somebody new, as a mint is told. @param readAt when their account was read, in milliseconds since the epoch. */
export function newTokenSubject(readAt = Date.now()): TokenSubject {
  return {
    sub: newId(),
    sid: newId(),
    jti: newId(readAt),
    auth_time: 0,
    amr: ['pwd'],
    idp: 'ory',
    client_id: 'vestibule',
    scope: 'api',
    email_verified: true,
  };
}
