import { Injectable } from '@nestjs/common';
import { RevocationService } from '../session/revocation.service.js';
import type { ProviderIdentity, User } from '../users/identity.js';
import { UserProfiles, differs } from '../users/user.profile.js';
import { AccountOwnership } from './account-ownership.service.js';
import { AddressRights } from './address.rights.js';
import type { RequestOrigin } from './auth.service.js';

/** The login in which a provider was asked about a person: it goes on, whatever is found. */
export interface AskedLogin {
  /** The provider's session, where it tells one. */
  readonly providerSession: string | null;
  /** Ours, where there is one. */
  readonly session?: string;
}

/** A person whom a provider tells of, and the login it tells of them in. */
export interface AskedPerson {
  readonly identity: ProviderIdentity;
  readonly login: AskedLogin;
}

/** Changes of one account at the same time that are waited for. */
const attempts = 3;

/**
 * Keeps what is said of people true between their logins: address, verified flag, name and picture follow their identity at the provider,
 * and what a verified address brings follows them.
 */
@Injectable()
export class AccountFacts {
  readonly #profiles: UserProfiles;
  readonly #ownership: AccountOwnership;
  readonly #rights: AddressRights;
  readonly #revocations: RevocationService;

  constructor(
    profiles: UserProfiles,
    ownership: AccountOwnership,
    rights: AddressRights,
    revocations: RevocationService,
  ) {
    this.#profiles = profiles;
    this.#ownership = ownership;
    this.#rights = rights;
    this.#revocations = revocations;
  }

  /**
   * Takes over what a provider says of a user now. What is another's by now stays: who has changed it was told later.
   * @param seen the user, read before the provider was asked.
   * @returns whether anything may be different from `seen`: it must be read again.
   * @throws {Problem} `unauthenticated`, `database_unavailable`
   */
  async follow(
    seen: User,
    identity: ProviderIdentity,
    login: AskedLogin,
    origin: RequestOrigin,
  ): Promise<boolean> {
    if (!differs(seen, identity) || !(await this.#profiles.isFollowed(seen.id, identity))) {
      return false;
    }
    const followed = await this.#profiles.follow(seen, identity);
    if (followed === undefined) {
      return true;
    }
    const isWordTaken = identity.emailVerified && identity.isProvenHere !== true;
    if (isWordTaken && identity.email !== null && !followed.isVerified) {
      const { providerSession: staying, session } = login;
      await this.#ownership.settle(identity, { by: 'provider', staying, session }, origin);
    }
    // Tokens that say otherwise are stale from now on: what is minted from here on was read later.
    await this.#revocations.outdate('user', seen.id);
    await this.#rights.give(seen.id, origin);
    return true;
  }

  /**
   * The same for the person whom the provider names: it is asked again whenever the user was read after it was asked.
   * @param ask the provider; nothing when no one is logged in there.
   * @returns whom it named last.
   * @throws {Problem} `unauthenticated`, `database_unavailable`, and what `ask` throws.
   */
  async followNow(
    ask: () => Promise<AskedPerson | undefined>,
    origin: RequestOrigin,
  ): Promise<AskedPerson | undefined> {
    let person = await ask();
    for (let attempt = 0; person !== undefined && attempt < attempts; attempt += 1) {
      const user = await this.#profiles.findUser(person.identity);
      if (user === undefined || !differs(user, person.identity)) {
        break;
      }
      person = await ask();
      if (person !== undefined && !(await this.follow(user, person.identity, person.login, origin))) {
        break;
      }
    }
    return person;
  }

  /** Has each session of a person ask the provider at its next request whether it goes on. */
  async askAgain({ identity }: AskedPerson): Promise<void> {
    const user = await this.#profiles.findUser(identity);
    if (user !== undefined) {
      await this.#revocations.outdate('user', user.id);
    }
  }
}
