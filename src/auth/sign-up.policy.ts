import { Inject, Injectable } from '@nestjs/common';
import { CONFIGURATION } from '../config/config.module.js';
import type { Configuration } from '../config/configuration.js';
import { Problem } from '../core/problem.error.js';
import type { ProviderIdentity } from '../users/identity.js';
import { UsersService } from '../users/users.service.js';
import { type BroughtLinks, OrgAdmission } from './org.admission.js';

/** The address of a new account. */
export type NewAddress = Pick<ProviderIdentity, 'email' | 'emailVerified'>;

/** Who may get a new account: `SIGNUP` and `EMAIL_DOMAINS`. */
@Injectable()
export class SignUpPolicy {
  readonly #orgs: OrgAdmission;
  readonly #users: UsersService;
  readonly #configuration: Configuration;
  readonly #domains: ReadonlySet<string>;

  constructor(orgs: OrgAdmission, users: UsersService, @Inject(CONFIGURATION) configuration: Configuration) {
    this.#orgs = orgs;
    this.#users = users;
    this.#configuration = configuration;
    this.#domains = new Set(configuration.EMAIL_DOMAINS);
  }

  /** Whether anyone may get an account with any address. */
  get isOpen(): boolean {
    return this.#configuration.SIGNUP === 'open' && this.#domains.size === 0;
  }

  /**
   * Whether a registration can be begun at all.
   * @throws {Problem} `signup_refused`
   */
  async requireBegun(brought: BroughtLinks): Promise<void> {
    const { SIGNUP } = this.#configuration;
    if (SIGNUP === 'closed') {
      throw refused('signup_closed');
    }
    if (SIGNUP === 'invite' && !(await this.#orgs.bringsInvite(brought))) {
      throw refused('signup_without_invite');
    }
  }

  /**
   * Whether an account with this address can be made.
   * @param claimed whether the address may be verified later: a registration of our own, whose mail goes there.
   * @throws {Problem} `signup_refused`
   */
  async requireAdmitted(address: NewAddress, brought: BroughtLinks, claimed: boolean): Promise<void> {
    if (this.#isAdministrator(address)) {
      return;
    }
    const { SIGNUP } = this.#configuration;
    if (SIGNUP === 'closed') {
      throw refused('signup_closed');
    }
    if (SIGNUP === 'invite' && !(await this.#orgs.isInvited(address, brought))) {
      throw refused('signup_without_invite');
    }
    if (
      !this.allowsDomainOf(address.email) ||
      (this.#domains.size > 0 && !claimed && !address.emailVerified)
    ) {
      throw refused('signup_other_domain');
    }
  }

  /**
   * Whether an identity of our own login pages may go on to another application, which asks nobody else.
   * @throws {Problem} `signup_refused` when it belongs to no user and can't get an account.
   */
  async requireUser(identity: ProviderIdentity): Promise<void> {
    if (!this.isOpen && !(await this.#users.isKnown(identity))) {
      await this.requireAdmitted(identity, {}, true);
    }
  }

  /** Whether accounts may have this address. */
  allowsDomainOf(email: string | null): boolean {
    return this.#domains.size === 0 || this.#domains.has(email?.toLowerCase().split('@').at(-1) ?? '');
  }

  /** The first administrator is made by their address, whoever else may come. */
  #isAdministrator({ email, emailVerified }: NewAddress): boolean {
    const { ADMIN_EMAIL: expected } = this.#configuration;
    return (
      emailVerified &&
      email !== null &&
      expected !== undefined &&
      email.toLowerCase() === expected.toLowerCase()
    );
  }
}

function refused(reason: string): Problem {
  return new Problem('signup_refused', { reason });
}
