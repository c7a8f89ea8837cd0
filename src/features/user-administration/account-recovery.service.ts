import { Injectable } from '@nestjs/common';
import { AuditService } from '../../directory/audit/audit.service.js';
import { Problem } from '../../platform/errors/problem.error.js';
import type { UserRow } from '../../platform/database/database.schema.js';
import { UserChanges } from '../../directory/users/user-changes.js';
import { UserDirectory } from '../../directory/users/user-directory.js';
import { type ActorContext, auditFieldsOf } from '../../accounts/actor-context.js';
import {
  AuthStrategy,
  type IdentityAdministration,
  type RecoveryCode,
} from '../../auth-strategy/auth.strategy.js';
import { RecoveryCodeRepository } from '../../accounts/recovery-code.repository.js';
import { userEvents } from './user-audit-events.js';

/** Creates recovery codes, which administrators give to users who can't log in and get no mail. */
@Injectable()
export class AccountRecovery {
  constructor(
    private readonly strategy: AuthStrategy,
    private readonly directory: UserDirectory,
    private readonly changes: UserChanges,
    private readonly audit: AuditService,
    private readonly codes: RecoveryCodeRepository,
  ) {}

  /**
   * Creates a code with which a user logs in once, to set a new password, while its maker is an administrator.
   * @throws {Problem} `not_found`, `provider_unavailable`; `forbidden` if the provider isn't administered from here, or the maker is no
   *   administrator any more; `conflict` if the user is the administrator themselves, a service account, disabled, or unknown to the provider.
   */
  async createCode(userId: string, act: ActorContext): Promise<RecoveryCode> {
    const user = await this.directory.require(userId);
    const administration = this.#requireAdministration();
    requireRecoverable(user, act);
    const subject = await this.#subjectOf(userId, administration);
    const code = await administration.recover(subject);
    if (act.author.id !== null) {
      await this.codes.note(code.flow, act.author.id, code.expiresAt);
    }
    // The provider may have taken its time. Nobody learns a code that is refused here, and it's good only while its maker may make one.
    requireRecoverable(await this.changes.requireFor(userId, act.author), act);
    await this.audit.record({ ...auditFieldsOf(act, userId), type: userEvents.recovery_code_created.type });
    return code;
  }

  #requireAdministration(): IdentityAdministration {
    const { identities } = this.strategy;
    if (identities === undefined) {
      throw new Problem('forbidden', {
        detail: 'Account recovery is handled by the login provider.',
        reason: 'recovery_of_provider',
      });
    }
    return identities;
  }

  /** The identity that the user logged in with last. */
  async #subjectOf(userId: string, { issuer }: IdentityAdministration): Promise<string> {
    const identities = await this.directory.identitiesOf(userId);
    const [latest] = identities
      .filter((identity) => identity.issuer === issuer)
      .toSorted((one, other) => other.last_login_at - one.last_login_at);
    if (latest === undefined) {
      throw conflict('This user has no account at the login provider.', 'recovery_without_identity');
    }
    return latest.subject;
  }
}

/** Requires an account that can be recovered. @throws {Problem} `conflict` */
function requireRecoverable({ id, kind, disabled_at: disabledAt }: UserRow, { author }: ActorContext): void {
  if (kind !== 'person') {
    throw conflict('A service account does not log in.', 'recovery_of_service_account');
  }
  if (id === author.id) {
    // Logged-in administrators change their password in the settings, where the old one or a second factor may be required.
    throw conflict('Administrators change their own password in the settings.', 'recovery_of_oneself');
  }
  if (disabledAt !== null) {
    throw conflict('This user is disabled: enable them first.', 'user_disabled');
  }
}

function conflict(detail: string, reason: string): Problem {
  return new Problem('conflict', { detail, reason });
}
