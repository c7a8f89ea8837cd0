import { Inject, Injectable, Logger } from '@nestjs/common';
import { AuditService } from '../audit/audit.service.js';
import { CONFIGURATION } from '../config/config.module.js';
import type { Configuration } from '../config/configuration.js';
import { RevocationService } from '../session/revocation.service.js';
import type { Account } from '../users/account.query.js';
import { FirstAdministrator } from '../users/first.administrator.js';
import type { ProviderIdentity } from '../users/identity.js';

/** Where an appointment comes from, for the audit trail; nothing of it at a start. */
interface Occasion {
  readonly requestId?: string | undefined;
  readonly remoteAddress?: string | undefined;
}

/**
 * Makes the user of `ADMIN_EMAIL` the first administrator, once per deployment, and tells the audit trail of it. Also of what it
 * doesn't do a second time.
 */
@Injectable()
export class AdministratorAppointment {
  readonly #logger = new Logger(AdministratorAppointment.name);
  readonly #administrators: FirstAdministrator;
  readonly #revocations: RevocationService;
  readonly #audit: AuditService;
  readonly #address: string | undefined;

  constructor(
    administrators: FirstAdministrator,
    revocations: RevocationService,
    audit: AuditService,
    @Inject(CONFIGURATION) { ADMIN_EMAIL }: Configuration,
  ) {
    this.#administrators = administrators;
    this.#revocations = revocations;
    this.#audit = audit;
    this.#address = ADMIN_EMAIL?.toLowerCase();
  }

  /** Whether the deployment has, or has had, its first administrator. */
  async wasMade(): Promise<boolean> {
    return this.#administrators.wasMade();
  }

  /** Whether an identity belongs to an administrator. */
  async isAdministrator(identity: Pick<ProviderIdentity, 'issuer' | 'subject'>): Promise<boolean> {
    return this.#administrators.isOne(identity);
  }

  /**
   * Appoints a user whose address is that of `ADMIN_EMAIL`, and proven to be theirs.
   * @returns whether they became administrator now: what was read of them says otherwise.
   */
  async byAddress({ user, isAdministrator }: Account, occasion: Occasion): Promise<boolean> {
    if (isAdministrator || !user.emailVerified || user.email === null || user.email !== this.#address) {
      return false;
    }
    return this.appoint(user.id, occasion, user.email);
  }

  /** Appoints a user, if there has been no administrator. @param address that must be theirs, verified. @returns whether they became one now. */
  async appoint(userId: string, { requestId, remoteAddress }: Occasion, address?: string): Promise<boolean> {
    const outcome = await this.#administrators.appoint(userId, address);
    if (outcome === 'refused_again') {
      await this.refuse('not_raised_again', { userId, requestId, remoteAddress });
    }
    if (outcome !== 'appointed') {
      return false;
    }
    await this.#revocations.outdate('user', userId);
    await this.#audit.record({ type: 'administrator_created', userId, requestId, remoteAddress });
    return true;
  }

  /** Says what isn't done because the deployment has had its first administrator. */
  async refuse(
    reason: 'not_raised_again' | 'not_created_again',
    about: Occasion & { readonly userId?: string },
  ): Promise<void> {
    this.#logger.warn('ADMIN_EMAIL names no administrator, and the first one was made before', {
      reason: 'administrator_made_before',
    });
    await this.#audit.record({ ...about, type: 'administrator_not_made', reason, outcome: 'failure' });
  }
}
