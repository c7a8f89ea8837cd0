import { Injectable } from '@nestjs/common';
import { type RecordedLogin, UsersService } from '../users/users.service.js';
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

  constructor(users: UsersService, ownership: AccountOwnership, signUp: SignUpPolicy) {
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
   * removed.
   * @throws {Problem} `unauthenticated` (disabled); `signup_refused` for someone new.
   */
  async record(
    { identity, evidence }: ValidatedLogin,
    brought: BroughtLinks,
    origin: RequestOrigin,
  ): Promise<RecordedLogin> {
    // An address of our own registration is verified later; another provider's word is all that there is.
    const isClaimed = evidence.provider === 'ory';
    const login = await this.#users.recordLogin(identity, () =>
      this.#signUp.requireAdmitted(identity, brought, isClaimed),
    );
    if (!identity.emailVerified || identity.email === null || login.user.emailVerified) {
      return login;
    }
    await this.#ownership.settle(identity, { by: 'provider', staying: evidence.providerSessionId }, origin);
    const account = await this.#users.requireAccount(login.user.id, login.org?.id ?? null);
    return { ...login, ...account };
  }
}
