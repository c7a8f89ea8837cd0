import { Injectable } from '@nestjs/common';
import { AuditService } from '../audit/audit.service.js';
import { Problem } from '../core/problem.error.js';
import type { UserRow } from '../database/database.schema.js';
import { RevocationService } from '../session/revocation.service.js';
import { type UserChange, UserChanges } from '../users/user.changes.js';
import { UserDirectory } from '../users/user.directory.js';
import { type AccountAct, auditOf } from './account.act.js';
import { AuthStrategy } from './auth.strategy.js';

/** Changes what is said of a person: at the provider first, where the gateway administers it, then here. */
@Injectable()
export class ProfileService {
  readonly #strategy: AuthStrategy;
  readonly #directory: UserDirectory;
  readonly #changes: UserChanges;
  readonly #revocations: RevocationService;
  readonly #audit: AuditService;

  constructor(
    strategy: AuthStrategy,
    directory: UserDirectory,
    changes: UserChanges,
    revocations: RevocationService,
    audit: AuditService,
  ) {
    this.#strategy = strategy;
    this.#directory = directory;
    this.#changes = changes;
    this.#revocations = revocations;
    this.#audit = audit;
  }

  /**
   * Changes a user, and makes their tokens stale: cookies are renewed, bearers refused.
   * @param ifMatch of the request: the version that the change was made from.
   * @throws {Problem} `not_found`, `precondition_failed`, `conflict` for a rule, `forbidden` for what is the provider's,
   *   `validation_failed` for what the provider doesn't take, `provider_unavailable`: nothing has been changed then.
   */
  async change(
    userId: string,
    change: UserChange,
    ifMatch: string | undefined,
    act: AccountAct,
  ): Promise<UserRow> {
    const { author } = act;
    const { name, picture, role } = change;
    const before = await this.#directory.require(userId);
    const changesProfile = name !== undefined || picture !== undefined;
    if (changesProfile) {
      this.#requireOurs(before);
    }
    await this.#changes.reserve(userId, change, ifMatch, author);
    if (changesProfile) {
      await this.#changeAtProvider(userId, { name, picture });
    }
    const user = await this.#changes.apply(userId, change, author);
    await this.#revocations.outdate('user', userId);
    if (changesProfile) {
      await this.#audit.record({ ...auditOf(act, userId), type: 'user_updated' });
    }
    if (role !== undefined && role !== before.role) {
      await this.#audit.record({ ...auditOf(act, userId), type: 'role_changed', reason: `to_${role}` });
    }
    return user;
  }

  /** A provider that isn't administered from here says name and picture anew at each login: a change would not last. */
  #requireOurs({ kind }: UserRow): void {
    if (kind === 'person' && this.#strategy.identities === undefined) {
      throw new Problem('forbidden', {
        detail: 'Name and picture come from the login provider at each login: change them there.',
        reason: 'profile_of_provider',
      });
    }
  }

  async #changeAtProvider(userId: string, change: Pick<UserChange, 'name' | 'picture'>): Promise<void> {
    const administration = this.#strategy.identities;
    for (const { issuer, subject } of await this.#directory.identitiesOf(userId)) {
      if (issuer === administration?.issuer) {
        await administration.updateProfile(subject, change);
      }
    }
  }
}
