import { Injectable } from '@nestjs/common';
import type { LoweredAccount } from '../api-keys/key-accounts.port.js';
import { LostRights } from '../api-keys/lost-rights.service.js';
import { AuditService } from '../directory/audit/audit.service.js';
import { Problem } from '../platform/errors/problem.error.js';
import type { UserRow } from '../platform/database/database.schema.js';
import { type UserChange, UserChanges } from '../directory/users/user-changes.js';
import { UserDirectory } from '../directory/users/user-directory.js';
import { type ActorContext, auditFieldsOf } from './actor-context.js';
import { UserNames } from './user-names.js';
import { AuthStrategy, type LoginMethods } from '../auth-strategy/auth.strategy.js';

/** Changes users' profiles and roles, and reads their login methods. If the gateway administers the provider, it changes name and picture there first. */
@Injectable()
export class ProfileService {
  constructor(
    private readonly strategy: AuthStrategy,
    private readonly directory: UserDirectory,
    private readonly changes: UserChanges,
    private readonly rights: LostRights,
    private readonly audit: AuditService,
    private readonly names: UserNames,
  ) {}

  /**
   * Changes a user, and invalidates their tokens: cookies are renewed, bearer tokens are refused.
   * @param ifMatch the `If-Match` header of the request: the version that the change is based on.
   * @throws {Problem} `not_found`, `precondition_failed`; `conflict` if a rule forbids the change; `forbidden` for fields that
   *   the provider owns; `validation_failed` for reserved names, and values that the provider doesn't accept; `provider_unavailable`, after which the
   *   profile here is unchanged.
   */
  async change(
    userId: string,
    change: UserChange,
    ifMatch: string | undefined,
    act: ActorContext,
  ): Promise<UserRow> {
    const { author } = act;
    const { name, picture, role } = change;
    const before = await this.directory.require(userId);
    const changesProfile = name !== undefined || picture !== undefined;
    if (changesProfile) {
      await this.#requireOurs(before);
    }
    if (name !== undefined && name !== before.name && !author.isAdministrator) {
      this.names.require(name);
    }
    await this.changes.reserve(userId, change, ifMatch, author);
    if (changesProfile) {
      await this.#changeAtProvider(userId, { name, picture }, act.source);
    }
    let lowered: readonly LoweredAccount[] = [];
    const user = await this.changes.apply(userId, change, author, async (transaction) => {
      if (role === 'user') {
        lowered = await this.rights.record(transaction, userId);
      } else {
        await this.rights.recordChange(transaction, userId);
      }
    });
    await this.rights.announce(userId, lowered, auditFieldsOf(act, userId));
    if (changesProfile) {
      await this.audit.record({ ...auditFieldsOf(act, userId), type: 'user_updated' });
    }
    if (role !== undefined && role !== before.role) {
      await this.audit.record({ ...auditFieldsOf(act, userId), type: 'role_changed', reason: `to_${role}` });
    }
    return user;
  }

  /** How a user can log in at the provider, if the gateway administers it. @throws {Problem} `provider_unavailable` */
  async loginMethodsOf(
    identities: readonly { readonly issuer: string; readonly subject: string }[],
  ): Promise<LoginMethods | undefined> {
    const administration = this.strategy.identities;
    const own = identities.find(({ issuer }) => issuer === administration?.issuer);
    return own === undefined ? undefined : administration?.methodsOf(own.subject);
  }

  /** Whether a user of these identities has profile and credentials where the gateway can't change them: at another provider, or at a company directory. */
  isElsewhere(identities: readonly { readonly issuer: string }[]): boolean {
    const administration = this.strategy.identities;
    if (administration === undefined) {
      return true;
    }
    const issuers = identities.map(({ issuer }) => issuer);
    return !issuers.includes(administration.issuer) && issuers.some((issuer) => administration.has(issuer));
  }

  /** Requires a profile that isn't the provider's: a provider that we don't administer sets it again at each login. */
  async #requireOurs({ id, kind }: UserRow): Promise<void> {
    if (kind === 'person' && this.isElsewhere(await this.directory.identitiesOf(id))) {
      throw new Problem('forbidden', {
        detail: 'Name and picture come from the login provider at each login: change them there.',
        reason: 'profile_of_provider',
      });
    }
  }

  async #changeAtProvider(
    userId: string,
    change: Pick<UserChange, 'name' | 'picture'>,
    source: string,
  ): Promise<void> {
    const administration = this.strategy.identities;
    for (const { issuer, subject } of await this.directory.identitiesOf(userId)) {
      if (issuer === administration?.issuer) {
        await administration.updateProfile(subject, change, source);
      }
    }
  }
}
