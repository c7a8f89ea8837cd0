import { Injectable } from '@nestjs/common';
import { type RecordedLogin, UsersService } from '../users/users.service.js';
import { AdministratorAppointment } from './administrator.appointment.js';
import { AccountOwnership } from './account-ownership.service.js';
import type { RequestOrigin } from './auth.service.js';
import type { ValidatedLogin } from './auth.strategy.js';
import type { BroughtLinks } from './org.admission.js';
import { SignUpPolicy } from './sign-up.policy.js';

/** The user behind a login: one who exists, or a new one if the deployment takes them. */
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

  /** Whether a registration may be begun. @throws {Problem} `signup_refused` */
  async requireSignUp(brought: BroughtLinks): Promise<void> {
    await this.#signUp.requireBegun(brought);
  }

  /**
   * Finds or makes the user. An address that the provider has come to call verified counts as such once what is older has been
   * removed; where our own proxy sees the proofs, not before it has seen one. That of `ADMIN_EMAIL` makes its owner the first administrator.
   * @throws {Problem} `unauthenticated` (disabled); `signup_refused` for someone new.
   */
  async record(
    validated: ValidatedLogin,
    brought: BroughtLinks,
    origin: RequestOrigin,
  ): Promise<RecordedLogin> {
    const login = await this.#record(validated, brought, origin);
    const isAppointed = await this.#appointment.byAddress(login, origin);
    return isAppointed ? this.#readAgain(login) : login;
  }

  /** @throws {Problem} `unauthenticated` for a login that was under way while the account was cleared for its owner. */
  async requireCurrent({ identity, evidence }: ValidatedLogin, session: string): Promise<void> {
    await this.#ownership.requireCurrent(identity, { session, staying: evidence.providerSessionId });
  }

  async #record(
    { identity: told, evidence }: ValidatedLogin,
    brought: BroughtLinks,
    origin: RequestOrigin,
  ): Promise<RecordedLogin> {
    const identity = await this.#ownership.judge(told);
    // An address of our own registration is verified later; another provider's word is all that there is.
    const isClaimed = evidence.provider === 'ory';
    const login = await this.#users.recordLogin(identity, () =>
      this.#signUp.requireAdmitted(identity, brought, isClaimed),
    );
    if (
      !identity.emailVerified ||
      identity.email === null ||
      login.user.emailVerified ||
      identity.isProvenHere
    ) {
      return login;
    }
    await this.#ownership.settle(identity, { by: 'provider', staying: evidence.providerSessionId }, origin);
    return this.#readAgain(login);
  }

  async #readAgain(login: RecordedLogin): Promise<RecordedLogin> {
    return { ...login, ...(await this.#users.requireAccount(login.user.id, login.org?.id ?? null)) };
  }
}
