import { Inject, Injectable } from '@nestjs/common';
import { CONFIGURATION } from '../platform/config/config.module.js';
import type { Configuration } from '../platform/config/configuration.js';
import { Problem } from '../platform/errors/problem.error.js';
import type { ProviderIdentity } from '../directory/users/identity.js';
import { UsersService } from '../directory/users/users.service.js';
import { type InviteSource, OrgAutoJoin } from './org-auto-join.port.js';

/** The address of a new account. */
export type NewAddress = Pick<ProviderIdentity, 'email' | 'emailVerified' | 'membership'>;

/** Decides who may get a new account, by `SIGNUP` and `EMAIL_DOMAINS`. */
@Injectable()
export class SignUpPolicy {
  readonly #orgs: OrgAutoJoin;
  readonly #users: UsersService;
  readonly #configuration: Configuration;
  readonly #domains: ReadonlySet<string>;

  constructor(orgs: OrgAutoJoin, users: UsersService, @Inject(CONFIGURATION) configuration: Configuration) {
    this.#orgs = orgs;
    this.#users = users;
    this.#configuration = configuration;
    this.#domains = new Set(configuration.EMAIL_DOMAINS);
  }

  /** Whether anyone may get an account, with any address. */
  get isOpen(): boolean {
    return this.#configuration.SIGNUP === 'open' && this.#domains.size === 0;
  }

  /** Requires that a registration can be begun at all. @throws {Problem} `signup_refused` */
  async requireBegun(inviteSource: InviteSource): Promise<void> {
    const { SIGNUP } = this.#configuration;
    if (SIGNUP === 'closed') {
      throw refused('signup_closed');
    }
    if (SIGNUP === 'invite' && !(await this.#orgs.hasOpenInvite(inviteSource))) {
      throw refused('signup_without_invite');
    }
  }

  /**
   * Requires that an account with this address may be created.
   * @param claimed whether the address may be verified later. That is so for a registration on our own pages, whose mail goes
   *   there.
   * @throws {Problem} `signup_refused`
   */
  async requireAdmitted(address: NewAddress, inviteSource: InviteSource, claimed: boolean): Promise<void> {
    if (this.#isAdministrator(address)) {
      return;
    }
    const { SIGNUP } = this.#configuration;
    if (SIGNUP === 'closed') {
      throw refused('signup_closed');
    }
    // The connection of an organisation stands for an invite: an owner has decided whom it lets in.
    const isInvited =
      address.membership !== undefined ||
      SIGNUP !== 'invite' ||
      (await this.#orgs.isInvited(address, inviteSource));
    if (!isInvited) {
      throw refused('signup_without_invite');
    }
    if (!this.allowsDomainOf(address.email)) {
      throw refused('signup_other_domain');
    }
    if (this.#domains.size > 0 && !claimed && !address.emailVerified) {
      throw refused('signup_unverified');
    }
  }

  /**
   * Requires that an identity from our own login pages may continue to another application, which makes no check of its own.
   * @throws {Problem} `signup_refused` if it belongs to no user and can't get an account.
   */
  async requireUser(identity: ProviderIdentity): Promise<void> {
    if (!this.isOpen && !(await this.#users.isKnown(identity))) {
      await this.requireAdmitted(identity, {}, identity.isProvenHere === true);
    }
  }

  /** Whether accounts may have this address. */
  allowsDomainOf(email: string | null): boolean {
    return this.#domains.size === 0 || this.#domains.has(email?.toLowerCase().split('@').at(-1) ?? '');
  }

  /** Whether this is the verified address in `ADMIN_EMAIL`, which is admitted under every policy. */
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
