import { Inject, Injectable } from '@nestjs/common';
import { AuditService } from '../audit/audit.service.js';
import type { ClaimRule } from '../config/claims-map.parser.js';
import { CONFIGURATION } from '../config/config.module.js';
import type { Configuration } from '../config/configuration.js';
import { type ExtraClaims, mapClaims } from '../session/claims.mapper.js';
import type { Account } from '../users/account.query.js';
import type { ProviderIdentity } from '../users/identity.js';
import { type RecordedLogin, UsersService } from '../users/users.service.js';
import { AccountOwnership } from './account-ownership.service.js';
import type { RequestOrigin } from './auth.service.js';
import type { ValidatedLogin } from './auth.strategy.js';
import { OrgAdmission } from './org.admission.js';

/** Somebody whom the provider has confirmed, as this product knows them. */
export interface ArrivedPerson {
  readonly account: Account;
  /** Mapped from the provider's profile. */
  readonly claims: ExtraClaims;
}

/** From a person at a provider to an account here, with the organisations that the login brings (step 10). */
@Injectable()
export class ArrivalService {
  readonly #users: UsersService;
  readonly #ownership: AccountOwnership;
  readonly #orgs: OrgAdmission;
  readonly #audit: AuditService;
  readonly #claimRules: readonly ClaimRule[];

  constructor(
    users: UsersService,
    ownership: AccountOwnership,
    orgs: OrgAdmission,
    audit: AuditService,
    @Inject(CONFIGURATION) configuration: Configuration,
  ) {
    this.#users = users;
    this.#ownership = ownership;
    this.#orgs = orgs;
    this.#audit = audit;
    this.#claimRules = configuration.CLAIMS_MAP;
  }

  /**
   * @param inviteToken of an invite that the person accepts with the login; it changes no active organisation.
   * @throws {Problem} `unauthenticated` (disabled); `gone`, `forbidden` or `email_unverified` for the invite.
   */
  async arrive(
    { identity, evidence, profile }: ValidatedLogin,
    inviteToken: string | undefined,
    origin: RequestOrigin,
  ): Promise<ArrivedPerson> {
    const login = await this.#recordLogin(identity, evidence.providerSessionId, origin);
    const { user } = login;
    if (login.created) {
      await this.#audit.record({ type: 'user_created', userId: user.id, ...origin, reason: 'first_login' });
    }
    if (login.linked) {
      await this.#audit.record({
        type: 'identity_linked',
        userId: user.id,
        ...origin,
        reason: 'verified_email',
      });
    }
    const admission = await this.#orgs.admitByDomain(user, origin);
    if (inviteToken !== undefined) {
      await this.#orgs.redeemInvite(user, inviteToken, origin);
    }
    // A member without an organisation: another login of theirs has joined it since this one's account was read.
    const hasJoined = admission === 'joined' || (admission === 'member' && login.org === null);
    const account =
      hasJoined || inviteToken !== undefined
        ? await this.#users.requireAccount(user.id, login.org?.id ?? null)
        : login;
    const claims = mapClaims(this.#claimRules, profile, evidence.scope);
    return { account, claims };
  }

  /** An address that the provider has come to call verified counts as such once what is older has been removed. */
  async #recordLogin(
    identity: ProviderIdentity,
    staying: string | null,
    origin: RequestOrigin,
  ): Promise<RecordedLogin> {
    const login = await this.#users.recordLogin(identity);
    if (!identity.emailVerified || identity.email === null || login.user.emailVerified) {
      return login;
    }
    await this.#ownership.settle(identity, { by: 'provider', staying }, origin);
    const account = await this.#users.requireAccount(login.user.id, login.org?.id ?? null);
    return { ...login, ...account };
  }
}
