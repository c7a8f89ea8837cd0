import { Injectable } from '@nestjs/common';
import { AuditService } from '../audit/audit.service.js';
import { Problem } from '../core/problem.error.js';
import type { UserRow } from '../database/database.schema.js';
import { UserDirectory } from '../users/user.directory.js';
import { type AccountAct, auditOf } from './account.act.js';
import { AuthStrategy, type IdentityAdministration, type RecoveryCode } from './auth.strategy.js';

/** Lets people in again who can't log in and get no mail: an administrator hands them a code. */
@Injectable()
export class AccountRecovery {
  readonly #strategy: AuthStrategy;
  readonly #directory: UserDirectory;
  readonly #audit: AuditService;

  constructor(strategy: AuthStrategy, directory: UserDirectory, audit: AuditService) {
    this.#strategy = strategy;
    this.#directory = directory;
    this.#audit = audit;
  }

  /**
   * Makes a code with which somebody logs in once, to give themselves a new password.
   * @throws {Problem} `not_found`, `forbidden` where the provider isn't administered from here, `conflict` for
   *   administrators themselves, who is disabled, or is nobody at the provider; `provider_unavailable`
   */
  async createCode(userId: string, act: AccountAct): Promise<RecoveryCode> {
    const user = await this.#directory.require(userId);
    const administration = this.#requireAdministration();
    requireRecoverable(user, act);
    const subject = await this.#subjectOf(userId, administration);
    const code = await administration.recover(subject);
    await this.#audit.record({ ...auditOf(act, userId), type: 'recovery_code_created' });
    return code;
  }

  #requireAdministration(): IdentityAdministration {
    const { identities } = this.#strategy;
    if (identities === undefined) {
      throw new Problem('forbidden', {
        detail: 'Who can’t log in is helped by the login provider.',
        reason: 'recovery_of_provider',
      });
    }
    return identities;
  }

  /** The identity that the person logged in with last. */
  async #subjectOf(userId: string, { issuer }: IdentityAdministration): Promise<string> {
    const identities = await this.#directory.identitiesOf(userId);
    const [latest] = identities
      .filter((identity) => identity.issuer === issuer)
      .toSorted((one, other) => other.last_login_at - one.last_login_at);
    if (latest === undefined) {
      throw conflict('This user has no account at the login provider.', 'recovery_without_identity');
    }
    return latest.subject;
  }
}

/** @throws {Problem} `conflict` */
function requireRecoverable({ id, kind, disabled_at: disabledAt }: UserRow, { author }: AccountAct): void {
  if (kind !== 'person') {
    throw conflict('A service account does not log in.', 'recovery_of_service_account');
  }
  if (id === author.id) {
    // Who is logged in changes their password in the settings, where the old one or a second factor may be asked for.
    throw conflict('Administrators change their own password in the settings.', 'recovery_of_oneself');
  }
  if (disabledAt !== null) {
    throw conflict('This user is disabled: enable them first.', 'user_disabled');
  }
}

function conflict(detail: string, reason: string): Problem {
  return new Problem('conflict', { detail, reason });
}
