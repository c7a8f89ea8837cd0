import { newId } from '../../src/core/identifier.js';
import type { TokenSubject } from '../../src/session/token.service.js';

/** Somebody new, as a mint is told. */
export function newTokenSubject(): TokenSubject {
  return {
    sub: newId(),
    sid: newId(),
    auth_time: 0,
    amr: ['pwd'],
    idp: 'ory',
    client_id: 'vestibule',
    scope: 'api',
    email_verified: true,
  };
}
