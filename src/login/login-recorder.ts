import { Injectable } from '@nestjs/common';
import { type RecordedLogin, UsersService } from '../directory/users/users.service.js';
import { AdministratorAppointment } from '../accounts/administrator-appointment.js';
import { AccountProvisioning } from '../accounts/account-provisioning.js';
import { AccountOwnership } from '../accounts/account-ownership.service.js';
import type { ValidatedLogin } from '../auth-strategy/auth.strategy.js';
import type { InviteSource } from '../accounts/invites.js';
import { SignUpPolicy } from '../accounts/sign-up.policy.js';
import { Problem } from '../platform/errors/problem.error.js';
import type { ClientInfo } from '../platform/http/client-info.js';

/** Finds the user of a login, or creates one if the deployment accepts them. */
@Injectable()
export class LoginRecorder {
  constructor(
    private readonly users: UsersService,
    private readonly accounts: AccountProvisioning,
    private readonly ownership: AccountOwnership,
    private readonly signUp: SignUpPolicy,
    private readonly appointment: AdministratorAppointment,
  ) {}

  /**
   * Finds or creates the user. If the provider now reports the address as verified, it counts as verified once older data
   * has been removed; where our own proxy sees the proofs, only once it has seen one. The owner of `ADMIN_EMAIL` becomes
   * the first administrator.
   * @param begunAt milliseconds, before the provider was asked: the account counts as read then, unless the login has changed it.
   * @throws {Problem} `unauthenticated` (disabled); `signup_refused` for a new user; `login_refused` for a user for
   *   whom only an organisation vouches that can't.
   */
  async record(
    validated: ValidatedLogin,
    inviteSource: InviteSource,
    client: ClientInfo,
    begunAt: number,
  ): Promise<RecordedLogin> {
    const login = { ...(await this.#record(validated, inviteSource, client)), readAt: begunAt };
    if (validated.identity.membership !== undefined) {
      if (login.isAdministrator) {
        // Appointed since the login was recorded.
        throw new Problem('login_refused', { reason: 'administrator_by_connection' });
      }
      return login;
    }
    const isAppointed = await this.appointment.byAddress(login, client);
    return isAppointed ? this.#readAgain(login) : login;
  }

  /** Refuses an overtaken login. @throws {Problem} `unauthenticated` if it was under way while the account was cleared for its owner. */
  async requireCurrent({ identity, evidence }: ValidatedLogin, session: string): Promise<void> {
    await this.ownership.requireCurrent(identity, { session, staying: evidence.providerSessionId });
  }

  async #record(
    { identity: reported, evidence }: ValidatedLogin,
    inviteSource: InviteSource,
    client: ClientInfo,
  ): Promise<RecordedLogin> {
    const identity = await this.ownership.judge(reported);
    // An address of our own registration is verified later; for a provider or a connection, its report is the only evidence.
    const isClaimed = identity.isProvenHere === true;
    const admit = () => this.signUp.requireAdmitted(identity, inviteSource, isClaimed);
    const login = await this.accounts.recordLogin(identity, admit, client);
    if (
      !identity.emailVerified ||
      identity.email === null ||
      login.user.emailVerified ||
      identity.isProvenHere
    ) {
      return login;
    }
    await this.ownership.settle(identity, { by: 'provider', staying: evidence.providerSessionId }, client);
    return this.#readAgain(login);
  }

  async #readAgain(login: RecordedLogin): Promise<RecordedLogin> {
    return { ...login, ...(await this.users.requireAccount(login.user.id, login.org?.id ?? null)) };
  }
}
