import type { AuditEvent } from '../directory/audit/audit.service.js';
import type { Caller, Principal } from '../session/principal.js';
import type { ChangeAuthor } from '../directory/users/user-changes.js';
import type { ClientInfo } from '../platform/http/client-info.js';

/** The user who acts on an account, their kind of credential, and their client. */
export interface ActorContext {
  readonly author: ChangeAuthor;
  /** Id of the session or key that they act by. */
  readonly source: string;
  readonly credential: Principal['credential'];
  readonly client: ClientInfo;
}

/** The context of an administrator's action on an account. */
export function byAdministrator({ principal: { claims, credential }, client }: Caller): ActorContext {
  return { author: { id: claims.sub, isAdministrator: true }, source: claims.sid, credential, client };
}

/** The context of a user's action on their own account. */
export function byThemselves({ principal: { claims, credential }, client }: Caller): ActorContext {
  return { author: { id: claims.sub, isAdministrator: false }, source: claims.sid, credential, client };
}

/** The fields of an audit event that describe the actor. */
export function auditFieldsOf(
  { author, credential, client }: ActorContext,
  userId: string,
): Omit<AuditEvent, 'type'> {
  const { requestId, remoteAddress } = client;
  return { userId, requestId, remoteAddress, actor: { id: author.id, credential } };
}
