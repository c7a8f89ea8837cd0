import { Injectable } from '@nestjs/common';
import { AuditService } from '../audit/audit.service.js';
import type { AuditEvent } from '../audit/audit.event.js';
import { RevocationService } from '../session/revocation.service.js';
import type { Arrival, Caller } from './org.access.js';

/** What happens after something has changed: tokens that say otherwise become stale, and the audit trail tells of it. */
@Injectable()
export class OrgEvents {
  readonly #revocations: RevocationService;
  readonly #audit: AuditService;

  constructor(revocations: RevocationService, audit: AuditService) {
    this.#revocations = revocations;
    this.#audit = audit;
  }

  /** Somebody's membership or role has changed. */
  async membershipChanged(userId: string): Promise<void> {
    await this.#revocations.outdate('user', userId);
  }

  /** An organisation has changed in what tokens say of it, or is gone. */
  async orgChanged(orgId: string): Promise<void> {
    await this.#revocations.outdate('org', orgId);
  }

  /** Records what the gateway did by itself. */
  async recordBySystem(event: AuditEvent): Promise<void> {
    await this.#audit.record({ ...event, actor: { id: null, credential: 'system' } });
  }

  /** Records what somebody has done. @param event its user: they themselves, unless it says another. */
  async record(actor: Caller | Arrival, event: AuditEvent): Promise<void> {
    const { requestId, remoteAddress } = actor.origin;
    const who =
      'principal' in actor
        ? {
            userId: actor.principal.user.id,
            sessionId: actor.principal.claims.sid,
            actor: { id: actor.principal.user.id, credential: actor.principal.credential },
          }
        : { userId: actor.userId };
    await this.#audit.record({ ...who, requestId, remoteAddress, ...event });
  }
}
