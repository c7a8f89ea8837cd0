import { Injectable } from '@nestjs/common';
import { type RecordedLogin, UsersService } from '../directory/users/users.service.js';
import { AdministratorAppointment } from '../accounts/administrator.appointment.js';
import { AccountOwnership } from '../accounts/account-ownership.service.js';
import type { ValidatedLogin } from '../auth-strategy/auth.strategy.js';
import type { InviteSource } from '../accounts/org-auto-join.port.js';
import { SignUpPolicy } from '../accounts/sign-up.policy.js';
import { Problem } from '../platform/errors/problem.error.js';
import type { ClientInfo } from '../platform/http/client.info.js';

/** Finds the user of a login, or creates one if the deployment accepts them. */
@Injectable()
export class LoginRecorder {
  readonly #users: UsersService;
  readonly #ownership: AccountOwnership;
  readonly #signUp: SignUpPolicy;
  readonly #appointment: AdministratorAppointment;

  constructor(
    users: UsersService,
    ownership: AccountOwnership,
    signUp: SignUpPolicy,
    appointment: AdministratorAppointment,
  ) {
    this.#appointment = appointment;
    this.#users = users;
    this.#ownership = ownership;
    this.#signUp = signUp;
  }

  /**
   * Finds or creates the user. If the provider now reports the address as verified, it counts as verified once older data
   * has been removed; where our own proxy sees the proofs, only once it has seen one. The owner of `ADMIN_EMAIL` becomes
   * the first administrator.
   * @throws {Problem} `unauthenticated` (disabled); `signup_refused` for a new user; `login_refused` for an administrator of the
   *   deployment for whom only an organisation vouches.
   */
  async record(
    validated: ValidatedLogin,
    inviteSource: InviteSource,
    client: ClientInfo,
  ): Promise<RecordedLogin> {
    const login = await this.#record(validated, inviteSource, client);
    if (validated.identity.membership !== undefined) {
      if (login.isAdministrator) {
        // Appointed since the login was recorded.
        throw new Problem('login_refused', { reason: 'administrator_by_connection' });
      }
      return login;
    }
    const isAppointed = await this.#appointment.byAddress(login, client);
    return isAppointed ? this.#readAgain(login) : login;
  }

  /** Refuses an overtaken login. @throws {Problem} `unauthenticated` if it was under way while the account was cleared for its owner. */
  async requireCurrent({ identity, evidence }: ValidatedLogin, session: string): Promise<void> {
    await this.#ownership.requireCurrent(identity, { session, staying: evidence.providerSessionId });
  }

  async #record(
    { identity: reported, evidence }: ValidatedLogin,
    inviteSource: InviteSource,
    client: ClientInfo,
  ): Promise<RecordedLogin> {
    const identity = await this.#ownership.judge(reported);
    // An address of our own registration is verified later; for a provider or a connection, its report is the only evidence.
    const isClaimed = identity.isProvenHere === true;
    const login = await this.#users.recordLogin(identity, () =>
      this.#signUp.requireAdmitted(identity, inviteSource, isClaimed),
    );
    if (
      !identity.emailVerified ||
      identity.email === null ||
      login.user.emailVerified ||
      identity.isProvenHere
    ) {
      return login;
    }
    await this.#ownership.settle(identity, { by: 'provider', staying: evidence.providerSessionId }, client);
    return this.#readAgain(login);
  }

  async #readAgain(login: RecordedLogin): Promise<RecordedLogin> {
    return { ...login, ...(await this.#users.requireAccount(login.user.id, login.org?.id ?? null)) };
  }
}
