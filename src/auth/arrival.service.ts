import { Inject, Injectable } from '@nestjs/common';
import { AuditService } from '../audit/audit.service.js';
import type { ClaimRule } from '../config/claims-map.parser.js';
import { CONFIGURATION } from '../config/config.module.js';
import type { Configuration } from '../config/configuration.js';
import { type ExtraClaims, mapClaims } from '../session/claims.mapper.js';
import type { Account } from '../users/account.query.js';
import { UsersService } from '../users/users.service.js';
import type { RequestOrigin } from './auth.service.js';
import type { ValidatedLogin } from './auth.strategy.js';
import { LoginRecorder } from './login.recorder.js';
import { type BroughtLinks, OrgAdmission } from './org.admission.js';

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
  readonly #orgs: OrgAdmission;
  readonly #audit: AuditService;
  readonly #claimRules: readonly ClaimRule[];
  readonly #logins: LoginRecorder;

  constructor(
    users: UsersService,
    orgs: OrgAdmission,
    audit: AuditService,
    logins: LoginRecorder,
    @Inject(CONFIGURATION) configuration: Configuration,
  ) {
    this.#users = users;
    this.#orgs = orgs;
    this.#audit = audit;
    this.#logins = logins;
    this.#claimRules = configuration.CLAIMS_MAP;
  }

  /**
   * @param inviteToken of an invite that the person accepts with the login; it changes no active organisation.
   * @param destination path that the login leads to.
   * @throws {Problem} `unauthenticated` (disabled); `signup_refused` for someone new; `gone`, `forbidden` or `email_unverified`
   *   for the invite.
   */
  async arrive(
    validated: ValidatedLogin,
    inviteToken: string | undefined,
    origin: RequestOrigin,
    destination?: string,
  ): Promise<ArrivedPerson> {
    const brought = { token: inviteToken, destination };
    const login = await this.#logins.record(validated, brought, origin);
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
    const claims = mapClaims(this.#claimRules, validated.profile, validated.evidence.scope);
    return { account, claims };
  }

  /** Asked once the session is stored. @throws {Problem} `unauthenticated` when the account was cleared for its owner meanwhile. */
  async requireCurrent(validated: ValidatedLogin, session: string): Promise<void> {
    await this.#logins.requireCurrent(validated, session);
  }

  /** Whether a registration may be begun. @throws {Problem} `signup_refused` */
  async requireSignUp(brought: BroughtLinks): Promise<void> {
    await this.#logins.requireSignUp(brought);
  }
}
