import { Inject, Injectable } from '@nestjs/common';
import { AuditService } from '../directory/audit/audit.service.js';
import type { ClaimRule } from '../platform/config/claims-map.parser.js';
import { CONFIGURATION } from '../platform/config/config.module.js';
import type { Configuration } from '../platform/config/configuration.js';
import { type ExtraClaims, mapClaims } from '../session/tokens/claims.mapper.js';
import type { Account } from '../directory/users/account.query.js';
import type { User } from '../directory/users/identity.js';
import { UsersService } from '../directory/users/users.service.js';
import type { ValidatedLogin } from '../auth-strategy/auth.strategy.js';
import { LoginRecorder } from './login.recorder.js';
import { OrgAutoJoin } from '../accounts/org-auto-join.port.js';
import type { ClientInfo } from '../platform/http/client.info.js';

/** A user whom the provider has confirmed, as this product knows them. */
export interface ProvisionedUser {
  readonly account: Account;
  /** Claims mapped from the provider's profile. */
  readonly claims: ExtraClaims;
}

/** Provisions an account for a person at a provider, with the organisations that the login brings (step 10). */
@Injectable()
export class UserProvisioning {
  readonly #users: UsersService;
  readonly #orgs: OrgAutoJoin;
  readonly #audit: AuditService;
  readonly #claimRules: readonly ClaimRule[];
  readonly #logins: LoginRecorder;

  constructor(
    users: UsersService,
    orgs: OrgAutoJoin,
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
   * @param inviteToken of an invite that the person accepts with the login: it may let somebody new in, and isn't redeemed here.
   * @param destination path that the login leads to.
   * @throws {Problem} `unauthenticated` (disabled); `signup_refused` for someone new.
   */
  async provision(
    validated: ValidatedLogin,
    inviteToken: string | undefined,
    client: ClientInfo,
    destination?: string,
  ): Promise<ProvisionedUser> {
    const inviteSource = { token: inviteToken, destination };
    const login = await this.#logins.record(validated, inviteSource, client);
    const { user } = login;
    if (login.created) {
      await this.#audit.record({ type: 'user_created', userId: user.id, ...client, reason: 'first_login' });
    }
    if (login.linked) {
      await this.#audit.record({
        type: 'identity_linked',
        userId: user.id,
        ...client,
        reason: 'verified_email',
      });
    }
    const admission = await this.#orgs.joinByDomain(user, client);
    const { membership } = validated.identity;
    const hasChanged =
      membership !== undefined && (await this.#orgs.joinByConnection(user.id, membership, client));
    // A member without an organisation: another login of theirs has joined it since this one's account was read.
    const hasJoined = hasChanged || admission === 'joined' || (admission === 'member' && login.org === null);
    const account = hasJoined ? await this.#users.requireAccount(user.id, login.org?.id ?? null) : login;
    const claims = mapClaims(this.#claimRules, validated.profile, validated.evidence.scope);
    return { account, claims };
  }

  /**
   * Accepts an invite with a login, once nothing else can refuse that; it changes no active organisation.
   * @throws {Problem} `gone`, `forbidden` or `email_unverified`
   */
  async redeemInvite(user: User, token: string, client: ClientInfo): Promise<void> {
    await this.#orgs.redeemInvite(user, token, client);
  }

  /** Asked once the session is stored. @throws {Problem} `unauthenticated` when the account was cleared for its owner meanwhile. */
  async requireCurrent(validated: ValidatedLogin, session: string): Promise<void> {
    await this.#logins.requireCurrent(validated, session);
  }
}
