import { Inject, Injectable } from '@nestjs/common';
import { CONFIGURATION } from '../../../platform/config/config.module.js';
import type { Configuration } from '../../../platform/config/configuration.js';
import { Problem } from '../../../platform/errors/problem.error.js';
import type { ProviderIdentity } from '../../../directory/users/identity.js';
import { AccountOwnership } from '../../../accounts/account-ownership.service.js';
import { SignUpPolicy } from '../../../accounts/sign-up.policy.js';

/** Decides whether a user of our own login pages may go on to another application, which makes no check of its own. */
@Injectable()
export class ApplicationAdmission {
  readonly #signUp: SignUpPolicy;
  readonly #ownership: AccountOwnership;
  readonly #requiresEmail: boolean;

  constructor(
    signUp: SignUpPolicy,
    ownership: AccountOwnership,
    @Inject(CONFIGURATION) { REQUIRE_VERIFIED_EMAIL }: Configuration,
  ) {
    this.#signUp = signUp;
    this.#ownership = ownership;
    this.#requiresEmail = REQUIRE_VERIFIED_EMAIL;
  }

  /** @returns `refused` for an identity that has no account and can't get one; `unverified` if a verified address is required. */
  async judge(identity: ProviderIdentity): Promise<'admitted' | 'refused' | 'unverified'> {
    try {
      await this.#signUp.requireUser(identity);
    } catch (error) {
      if (error instanceof Problem && error.code === 'signup_refused') {
        return 'refused';
      }
      throw error;
    }
    const isVerified = !this.#requiresEmail || (await this.#ownership.judge(identity)).emailVerified;
    return isVerified ? 'admitted' : 'unverified';
  }
}
