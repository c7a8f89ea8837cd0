import { Inject, Injectable, Logger } from '@nestjs/common';
import { AuditService } from '../directory/audit/audit.service.js';
import { CONFIGURATION } from '../platform/config/config.module.js';
import type { Configuration } from '../platform/config/configuration.js';
import { foldIdentifier } from '../platform/core/account-identifier.js';
import { RevocationService } from '../session/revocation/revocation.service.js';
import type { Account } from '../directory/users/account.query.js';
import { FirstAdministrator } from '../directory/users/first-administrator.js';
import type { IdentityKey } from '../directory/users/identity.js';

/** The request that led to an appointment, for the audit trail; empty when the gateway starts. */
interface Occasion {
  readonly requestId?: string | undefined;
  readonly remoteAddress?: string | undefined;
}

/**
 * Makes the user of `ADMIN_EMAIL` the first administrator, once per deployment. The audit trail records the appointment, and each
 * refusal to repeat it.
 */
@Injectable()
export class AdministratorAppointment {
  readonly #logger = new Logger(AdministratorAppointment.name);
  readonly #address: string | undefined;

  constructor(
    private readonly administrators: FirstAdministrator,
    private readonly revocations: RevocationService,
    private readonly audit: AuditService,
    @Inject(CONFIGURATION) { ADMIN_EMAIL }: Configuration,
  ) {
    this.#address = ADMIN_EMAIL && foldIdentifier(ADMIN_EMAIL);
  }

  /** Whether the deployment has, or has had, its first administrator. */
  async wasMade(): Promise<boolean> {
    return this.administrators.wasMade();
  }

  /** Whether an identity belongs to an administrator. */
  async isAdministrator(identity: IdentityKey): Promise<boolean> {
    return this.administrators.isOne(identity);
  }

  /** Appoints a user whose verified address is `ADMIN_EMAIL`. @returns whether this outdates what was read before. */
  async byAddress({ user, isAdministrator }: Account, occasion: Occasion): Promise<boolean> {
    if (isAdministrator || !user.emailVerified || user.email === null || user.email !== this.#address) {
      return false;
    }
    return this.appoint(user.id, occasion, user.email);
  }

  /**
   * Appoints a user, if there has never been an administrator.
   * @param address the address that they must have, verified.
   * @returns whether they became administrator now.
   */
  async appoint(userId: string, { requestId, remoteAddress }: Occasion, address?: string): Promise<boolean> {
    const outcome = await this.administrators.appoint(userId, address);
    if (outcome === 'refused_again') {
      await this.refuse('not_raised_again', { userId, requestId, remoteAddress });
    }
    if (outcome !== 'appointed') {
      return false;
    }
    await this.revocations.invalidate('user', userId);
    await this.audit.record({ type: 'administrator_created', userId, requestId, remoteAddress });
    return true;
  }

  /** Logs and audits an appointment that was refused because the deployment already had its first administrator. */
  async refuse(
    reason: 'not_raised_again' | 'not_created_again',
    about: Occasion & { readonly userId?: string },
  ): Promise<void> {
    this.#logger.warn('ADMIN_EMAIL names no administrator, and the first one was made before', {
      reason: 'administrator_made_before',
    });
    await this.audit.record({ ...about, type: 'administrator_not_made', reason, outcome: 'failure' });
  }
}
