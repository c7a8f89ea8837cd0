import { Injectable } from '@nestjs/common';
import type { LoweredAccount } from '../api-keys/key-accounts.port.js';
import { LostRights } from '../api-keys/lost-rights.service.js';
import type { Caller } from '../session/principal.js';
import { AuditService } from '../directory/audit/audit.service.js';
import type { AuditEvent } from '../directory/audit/audit-event.js';
import type { AuditEventType } from '../platform/features/audit-event.catalogue.js';
import type { TransactionPart } from '../platform/database/transaction-part.js';
import { RevocationService } from '../session/revocation/revocation.service.js';
import type { Arrival } from './org-access.js';
import type { LockedOrg } from './org-lock.js';

/** Handles the consequences of a change: invalidates tokens with the former claims, and writes to the audit trail. */
@Injectable()
export class OrgEvents {
  constructor(
    private readonly revocations: RevocationService,
    private readonly audit: AuditService,
    private readonly rights: LostRights,
  ) {}

  /** Records in the transaction of an organisation's deletion that a user's tokens are outdated. */
  async membershipTaken({ transaction }: LockedOrg, userId: string): Promise<void> {
    await this.revocations.recordWithin(transaction, 'user', userId);
  }

  /** Records in the transaction that took a role or a membership what ends with it. */
  async rightsTaken({ transaction, row }: LockedOrg, userId: string): Promise<readonly LoweredAccount[]> {
    return this.rights.record(transaction, userId, row.id);
  }

  /** Puts into force what {@link rightsTaken} recorded. @param actor who took them; undefined for the gateway itself. */
  async rightsLost(
    actor: Caller | Arrival | undefined,
    userId: string,
    lowered: readonly LoweredAccount[],
  ): Promise<void> {
    await this.rights.announce(userId, lowered, actor === undefined ? bySystem : fieldsOf(actor));
  }

  /** Records in the transaction that deletes an organisation, or changes its data in tokens, that its members' tokens are outdated. */
  async orgChanges({ transaction, row }: LockedOrg): Promise<void> {
    await this.revocations.recordWithin(transaction, 'org', row.id);
  }

  /** A change of what the tokens of an organisation's members are renewed by. @param change gets what belongs to its transaction. */
  async invalidateBy<T>(orgId: string, change: (part: TransactionPart) => Promise<T>): Promise<T> {
    return this.revocations.invalidateBy('org', orgId, change);
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
    await this.audit.record({ ...event, ...bySystem });
  }

  /** Records a user's action. @param event its `userId` is the actor's, unless it names another user. */
  async record(actor: Caller | Arrival, event: AuditEvent): Promise<void> {
    await this.audit.record({ ...fieldsOf(actor), ...event });
  }
}

const bySystem = { actor: { id: null, credential: 'system' } } as const;

/** The fields of an event that describe the actor. */
function fieldsOf(actor: Caller | Arrival): Omit<AuditEvent, 'type'> {
  const { requestId, remoteAddress } = actor.client;
  if (!('principal' in actor)) {
    return { userId: actor.userId, requestId, remoteAddress };
  }
  const { user, claims, credential } = actor.principal;
  return {
    userId: user.id,
    sessionId: claims.sid,
    actor: { id: user.id, credential },
    requestId,
    remoteAddress,
  };
}
