import type { AuditEvent } from '../audit/audit.service.js';
import type { Principal } from '../session/principal.js';
import type { ChangeAuthor } from '../users/user.changes.js';
import type { RequestOrigin } from './auth.service.js';

/** Who does something to an account, and from where. */
export interface AccountAct {
  readonly author: ChangeAuthor;
  readonly credential: Principal['credential'];
  readonly origin: RequestOrigin;
}

/** Something that an administrator does to an account. */
export function byAdministrator({ claims, credential }: Principal, origin: RequestOrigin): AccountAct {
  return { author: { id: claims.sub, isAdministrator: true }, credential, origin };
}

/** Something that people do to their own account. */
export function byThemselves({ claims, credential }: Principal, origin: RequestOrigin): AccountAct {
  return { author: { id: claims.sub, isAdministrator: false }, credential, origin };
}

/** What the audit trail says of it besides its type. */
export function auditOf(
  { author, credential, origin }: AccountAct,
  userId: string,
): Omit<AuditEvent, 'type'> {
  const { requestId, remoteAddress } = origin;
  return { userId, requestId, remoteAddress, actor: { id: author.id, credential } };
}
