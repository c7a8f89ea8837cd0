import { Injectable } from '@nestjs/common';
import { AuditService } from '../../directory/audit/audit.service.js';
import { resetInSequence } from '../../directory/notices/reset-sequence.js';
import { SecurityNotices } from '../../directory/notices/security-notices.js';
import { UserChanges } from '../../directory/users/user-changes.js';
import type { UserRow } from '../../platform/database/database.schema.js';
import { Problem } from '../../platform/errors/problem.error.js';
import { RevocationService } from '../../session/revocation/revocation.service.js';
import { AuthStrategy, type IdentityAdministration } from '../../auth-strategy/auth.strategy.js';
import { type ActorContext, auditFieldsOf } from '../../accounts/actor-context.js';
import { AccountSessions } from '../../accounts/sessions/account-sessions.service.js';

/** Resets second factors, for users who have lost theirs. */
@Injectable()
export class SecondFactorReset {
  constructor(
    private readonly strategy: AuthStrategy,
    private readonly changes: UserChanges,
    private readonly sessions: AccountSessions,
    private readonly revocations: RevocationService,
    private readonly audit: AuditService,
    private readonly notices: SecurityNotices,
  ) {}

  /**
   * Removes a user's second factors and ends all their sessions, here and at the provider. The user hears of it by mail.
   * @throws {Problem} `not_found`, `provider_unavailable`; `forbidden` if the provider isn't administered from here; `conflict`
   *   if the user is the administrator themselves, a service account, or unknown to the provider.
   */
  async reset(userId: string, act: ActorContext): Promise<void> {
    const user = await this.changes.requireFor(userId, act.author);
    const administration = this.#requireAdministration();
    requireSomebodyElse(user, act);
    const own = (await this.changes.identitiesOf(userId)).filter(
      ({ issuer }) => issuer === administration.issuer,
    );
    if (own.length === 0) {
      throw conflict('This user has no account at the login provider.', 'reset_without_identity');
    }
    await resetInSequence(
      own.map(({ subject }) => subject),
      {
        invalidate: async () => this.revocations.invalidate('user', userId),
        reset: async (subject, removed) => administration.resetSecondFactors(subject, removed),
        end: async () => void (await this.sessions.endAllOf(userId, act)),
        note: async (reason) =>
          this.audit.record({ ...auditFieldsOf(act, userId), type: 'second_factor_reset', reason }),
        tell: async () => void this.notices.tell('second_factor_reset', user),
      },
    );
  }

  #requireAdministration(): IdentityAdministration {
    const { identities } = this.strategy;
    if (identities === undefined) {
      throw new Problem('forbidden', {
        detail: 'Second factors are kept by the login provider: they are reset there.',
        reason: 'second_factors_of_provider',
      });
    }
    return identities;
  }
}

/** Requires another person than the administrator themselves: who holds their session alone must not get rid of the factor. @throws {Problem} `conflict` */
function requireSomebodyElse({ id, kind }: UserRow, { author }: ActorContext): void {
  if (kind !== 'person') {
    throw conflict('A service account does not log in.', 'reset_of_service_account');
  }
  if (id === author.id) {
    throw conflict(
      "Administrators can't reset their own second factors here: another administrator must.",
      'own_account',
    );
  }
}

function conflict(detail: string, reason: string): Problem {
  return new Problem('conflict', { detail, reason });
}
