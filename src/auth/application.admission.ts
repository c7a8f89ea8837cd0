import { Inject, Injectable } from '@nestjs/common';
import { CONFIGURATION } from '../config/config.module.js';
import type { Configuration } from '../config/configuration.js';
import { Problem } from '../core/problem.error.js';
import type { ProviderIdentity } from '../users/identity.js';
import { AccountOwnership } from './account-ownership.service.js';
import { SignUpPolicy } from './sign-up.policy.js';

/** Whether a person of our own login pages may go on to another application, which asks for nothing else. */
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

  /** @returns `refused` for an identity without an account that can't get one; `unverified` where a verified address is asked for. */
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
