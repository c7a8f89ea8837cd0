import { Injectable } from '@nestjs/common';
import type { Caller } from '../session/principal.js';
import { AuditService } from '../directory/audit/audit.service.js';
import type { AuditEvent, AuditEventType } from '../directory/audit/audit-event.js';
import { RevocationService } from '../session/revocation/revocation.service.js';
import type { Arrival } from './org-access.js';
import type { LockedOrg } from './org-lock.js';

/** Handles the consequences of a change: invalidates tokens with the former claims, and writes to the audit trail. */
@Injectable()
export class OrgEvents {
  constructor(
    private readonly revocations: RevocationService,
    private readonly audit: AuditService,
  ) {}

  /** Records in the transaction that takes a role or a membership that the user's tokens are outdated. */
  async membershipTaken({ transaction }: LockedOrg, userId: string): Promise<void> {
    await this.revocations.recordWithin(transaction, 'user', userId);
  }

  /** The same for an organisation that is deleted, or whose data in tokens changes. */
  async orgChanges({ transaction, row }: LockedOrg): Promise<void> {
    await this.revocations.recordWithin(transaction, 'org', row.id);
  }

  /** Invalidates the tokens of a user whose membership or role changed. */
  async membershipChanged(userId: string): Promise<void> {
    await this.revocations.invalidate('user', userId);
  }

  /** Invalidates the tokens for an organisation that was deleted, or whose data in tokens changed. */
  async orgChanged(orgId: string): Promise<void> {
    await this.revocations.invalidate('org', orgId);
  }

  /** Records a user's action on an organisation as a whole. @param reason id, snake_case. */
  async recordOrg(actor: Caller, type: AuditEventType, orgId: string, reason?: string): Promise<void> {
    await this.record(actor, { type, target: { kind: 'org', id: orgId }, orgId, reason });
  }

  /** Records an action of the gateway itself. */
  async recordBySystem(event: AuditEvent): Promise<void> {
    await this.audit.record({ ...event, actor: { id: null, credential: 'system' } });
  }

  /** Records a user's action. @param event its `userId` is the actor's, unless it names another user. */
  async record(actor: Caller | Arrival, event: AuditEvent): Promise<void> {
    const { requestId, remoteAddress } = actor.client;
    const who =
      'principal' in actor
        ? {
            userId: actor.principal.user.id,
            sessionId: actor.principal.claims.sid,
            actor: { id: actor.principal.user.id, credential: actor.principal.credential },
          }
        : { userId: actor.userId };
    await this.audit.record({ ...who, requestId, remoteAddress, ...event });
  }
}
