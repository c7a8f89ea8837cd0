import { Inject, Injectable } from '@nestjs/common';
import { CONFIGURATION } from '../platform/config/config.module.js';
import type { Configuration } from '../platform/config/configuration.js';
import { Problem } from '../platform/errors/problem.error.js';
import { foldIdentifier } from '../platform/core/account-identifier.js';
import type { ProviderIdentity } from '../directory/users/identity.js';
import type { NewAccountUse } from '../directory/users/users.service.js';
import type { UserRow } from '../platform/database/database.schema.js';
import type { ClientInfo } from '../platform/http/client-info.js';
import { AccountProvisioning } from './account-provisioning.js';
import { type InviteSource, Invites } from './invites.js';
import { allowsDomain, opensSignUp } from './sign-up-rule.js';

/** The address of a new account. */
export type NewAddress = Pick<ProviderIdentity, 'email' | 'emailVerified' | 'membership'>;

/** Decides who may get a new account, by `SIGNUP` and `EMAIL_DOMAINS`. */
@Injectable()
export class SignUpPolicy {
  readonly #configuration: Configuration;

  constructor(
    private readonly invites: Invites,
    private readonly accounts: AccountProvisioning,
    @Inject(CONFIGURATION) configuration: Configuration,
  ) {
    this.#configuration = configuration;
  }

  /** Whether anyone may get an account, with any address. */
  get isOpen(): boolean {
    return this.#configuration.SIGNUP === 'open' && this.#configuration.EMAIL_DOMAINS.length === 0;
  }

  /** Requires that a registration can be begun at all. @throws {Problem} `signup_refused` */
  async requireBegun(inviteSource: InviteSource): Promise<void> {
    const { SIGNUP } = this.#configuration;
    if (SIGNUP === 'open') {
      return;
    }
    const invite = await this.invites.held(inviteSource);
    if (invite === undefined || !opensSignUp(this.#configuration, invite)) {
      throw refused(SIGNUP === 'closed' ? 'signup_closed' : 'signup_without_invite');
    }
  }

  /**
   * Requires that an account with this address may be created.
   * @param claimed whether the address may be verified later. That is so for a registration on our own pages, whose mail goes
   *   there.
   * @returns what uses the invite up that admits it, when the account is created; undefined if it needs none.
   * @throws {Problem} `signup_refused`
   */
  async requireAdmitted(
    address: NewAddress,
    inviteSource: InviteSource,
    claimed: boolean,
  ): Promise<NewAccountUse | undefined> {
    if (this.#isAdministrator(address)) {
      return undefined;
    }
    const { SIGNUP } = this.#configuration;
    // The connection of an organisation stands for an invite of its owner, who has decided whom it lets in.
    const needsInvite = SIGNUP !== 'open' && (SIGNUP !== 'invite' || address.membership === undefined);
    const invite = needsInvite ? await this.#inviteOf(address, inviteSource) : undefined;
    const uninvited = refused(SIGNUP === 'closed' ? 'signup_closed' : 'signup_without_invite');
    if (needsInvite && invite === undefined) {
      throw uninvited;
    }
    if (!this.allowsDomainOf(address.email)) {
      throw refused('signup_other_domain');
    }
    if (this.#configuration.EMAIL_DOMAINS.length > 0 && !claimed && !address.emailVerified) {
      throw refused('signup_unverified');
    }
    if (invite === undefined) {
      return undefined;
    }
    return async (transaction, userId) => {
      if (!(await this.invites.feature.admit(transaction, invite, userId))) {
        throw uninvited;
      }
    };
  }

  /**
   * Requires that an identity from our own login pages may continue to another application, which makes no check of its own. An
   * unknown one is linked, or gets its account now if it takes an invite, which lets nobody else in then, or is of an organisation's
   * connection, which makes it a member.
   * @param identity as `AccountOwnership.judge` returns it.
   * @returns its account; undefined if it needs none yet.
   * @throws {Problem} `signup_refused` if it belongs to no user and can't get an account.
   */
  async requireUser(identity: ProviderIdentity, client: ClientInfo): Promise<UserRow | undefined> {
    const admit = async (): Promise<NewAccountUse | 'none' | undefined> => {
      const use = await this.requireAdmitted(identity, {}, identity.isProvenHere === true);
      return use ?? (identity.membership === undefined ? 'none' : undefined);
    };
    return this.accounts.provide(identity, admit, client);
  }

  /** Whether accounts may have this address. */
  allowsDomainOf(email: string | null): boolean {
    return allowsDomain(this.#configuration, email);
  }

  /** The id of the open invite that this address may use: the source's, or, if it is verified, one that waits for it. */
  async #inviteOf(
    { email, emailVerified }: NewAddress,
    inviteSource: InviteSource,
  ): Promise<string | undefined> {
    const address = email === null ? undefined : foldIdentifier(email);
    const isClosed = this.#configuration.SIGNUP === 'closed';
    const invite = await this.invites.held(inviteSource);
    if (invite !== undefined && (invite.email === null || invite.email === address)) {
      // While sign-up is closed, a claimed address isn't enough: the link must have come to it.
      const isProven = !isClosed || emailVerified || invite.isMailed;
      if (isProven && opensSignUp(this.#configuration, invite)) {
        return invite.id;
      }
    }
    return emailVerified && address !== undefined
      ? this.invites.feature.findAwaiting(address, isClosed)
      : undefined;
  }

  /** Whether this is the verified address in `ADMIN_EMAIL`, which is admitted under every policy. */
  #isAdministrator({ email, emailVerified }: NewAddress): boolean {
    const { ADMIN_EMAIL: expected } = this.#configuration;
    return (
      emailVerified &&
      email !== null &&
      expected !== undefined &&
      foldIdentifier(email) === foldIdentifier(expected)
    );
  }
}

function refused(reason: string): Problem {
  return new Problem('signup_refused', { reason });
}
