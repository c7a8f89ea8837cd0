import { Inject, Injectable } from '@nestjs/common';
import type { ClaimRule } from '../platform/config/claims-map.parser.js';
import { CONFIGURATION } from '../platform/config/config.module.js';
import type { Configuration } from '../platform/config/configuration.js';
import { type ExtraClaims, mapClaims } from '../session/tokens/claims.mapper.js';
import type { Account } from '../directory/users/account.query.js';
import type { ProviderIdentity, User } from '../directory/users/identity.js';
import { Problem } from '../platform/errors/problem.error.js';
import { UsersService } from '../directory/users/users.service.js';
import { loginByConnection } from '../directory/users/vouching-rules.js';
import type { ValidatedLogin } from '../auth-strategy/auth.strategy.js';
import { LoginRecorder } from './login-recorder.js';
import { DomainAutoJoin } from '../accounts/domain-auto-join.js';
import { type InviteSource, Invites } from '../accounts/invites.js';
import { OrgAutoJoin } from '../accounts/org-auto-join.port.js';
import type { ClientInfo } from '../platform/http/client-info.js';

/** A user whom the provider has confirmed, as this product knows them. */
export interface ProvisionedUser {
  readonly account: Account;
  /** Claims mapped from the provider's profile. */
  readonly claims: ExtraClaims;
}

/** Provisions an account for a person at a provider, with the organisations that the login brings (step 10). */
@Injectable()
export class UserProvisioning {
  readonly #claimRules: readonly ClaimRule[];

  constructor(
    private readonly users: UsersService,
    private readonly orgs: OrgAutoJoin,
    private readonly invites: Invites,
    private readonly domains: DomainAutoJoin,
    private readonly logins: LoginRecorder,
    @Inject(CONFIGURATION) configuration: Configuration,
  ) {
    this.#claimRules = configuration.CLAIMS_MAP;
  }

  /**
   * @param inviteSource may hold an invite that lets a new user in. It isn't redeemed here.
   * @param begunAt milliseconds, before the provider was asked: a change from then on outdates the login's token.
   * @throws {Problem} `unauthenticated` (disabled); `signup_refused` for someone new.
   */
  async provision(
    validated: ValidatedLogin,
    inviteSource: InviteSource,
    client: ClientInfo,
    begunAt: number,
  ): Promise<ProvisionedUser> {
    const login = await this.logins.record(validated, inviteSource, client, begunAt);
    const { user } = login;
    if (client.languages !== undefined) {
      await this.users.noteLanguages(user.id, client.languages);
    }
    const admission = await this.domains.join(user, client);
    const { membership } = validated.identity;
    const hasChanged =
      membership !== undefined && (await this.orgs.joinByConnection(user.id, membership, client));
    // A member without an organisation: another login of theirs has joined it since this one's account was read.
    const hasJoined = hasChanged || admission === 'joined' || (admission === 'member' && login.org === null);
    // What the login itself has changed doesn't invalidate its token.
    const account = hasJoined ? await this.users.requireAccount(user.id, login.org?.id ?? null) : login;
    const claims = mapClaims(this.#claimRules, validated.profile, validated.evidence.scope);
    return { account, claims };
  }

  /**
   * Accepts an invite with a login, once nothing else can refuse that; it changes no active organisation.
   * @throws {Problem} `gone`, `forbidden` or `email_unverified`
   */
  async redeemInvite(
    { membership }: ProviderIdentity,
    user: User,
    token: string,
    client: ClientInfo,
  ): Promise<void> {
    if (membership !== undefined) {
      throw loginByConnection();
    }
    await this.invites.feature.accept(user, token, client);
  }

  /**
   * Asked once the session is stored, whose token states an account that may have been read again.
   * @throws {Problem} `unauthenticated` when the account was cleared for its owner meanwhile; `login_refused` when the organisation
   *   whose connection it is can't vouch for the user any more.
   */
  async requireCurrent(validated: ValidatedLogin, user: User, session: string): Promise<void> {
    await this.logins.requireCurrent(validated, session);
    const { membership } = validated.identity;
    const reason = membership && (await this.users.vouchRefusal(user.id, membership.orgId));
    if (reason !== undefined) {
      throw new Problem('login_refused', { reason });
    }
  }
}
