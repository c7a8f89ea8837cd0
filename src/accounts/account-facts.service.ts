import { Injectable } from '@nestjs/common';
import { RevocationService } from '../session/revocation/revocation.service.js';
import type { ProviderIdentity, User } from '../directory/users/identity.js';
import { UserProfiles, differs } from '../directory/users/user-profile.js';
import { AccountOwnership } from './account-ownership.service.js';
import { AddressRights } from './address-rights.js';
import type { ClientInfo } from '../platform/http/client-info.js';

/** The login in which a provider was asked about a person. Its sessions are never ended, whatever the provider reports. */
export interface AskedLogin {
  /** Id of the provider's session; null if the provider doesn't report it. */
  readonly providerSession: string | null;
  /** Id of our session, if there is one. */
  readonly session?: string;
}

/** A person as a provider reports them, and the login in which it was asked. */
export interface AskedPerson {
  readonly identity: ProviderIdentity;
  readonly login: AskedLogin;
}

/** Maximum number of attempts if the account keeps changing at the same time. */
const attempts = 3;

/**
 * Keeps users current between logins. Address, verified flag, name and picture follow the identity at the provider, and so do the
 * rights that a verified address brings.
 */
@Injectable()
export class AccountFacts {
  constructor(
    private readonly profiles: UserProfiles,
    private readonly ownership: AccountOwnership,
    private readonly rights: AddressRights,
    private readonly revocations: RevocationService,
  ) {}

  /**
   * Stores what a provider reports about a user now. A change that was stored in the meantime stays, because it is based on a
   * later report.
   * @param seen the user, as read before the provider was asked.
   * @returns whether the user may differ from `seen` now, and must be read again.
   * @throws {Problem} `unauthenticated`, `database_unavailable`
   */
  async follow(
    seen: User,
    identity: ProviderIdentity,
    login: AskedLogin,
    client: ClientInfo,
  ): Promise<boolean> {
    if (!differs(seen, identity) || !(await this.profiles.isFollowed(seen.id, identity))) {
      return false;
    }
    const followed = await this.profiles.follow(seen, identity);
    if (followed === undefined) {
      return true;
    }
    const isWordTaken = identity.emailVerified && identity.isProvenHere !== true;
    if (isWordTaken && identity.email !== null && !followed.isVerified) {
      const { providerSession: staying, session } = login;
      await this.ownership.settle(identity, { by: 'provider', staying, session }, client);
    }
    // Tokens with the former claims are outdated from now on. Later ones are minted from the new data.
    await this.revocations.invalidate('user', seen.id);
    await this.rights.give(seen.id, client);
    return true;
  }

  /**
   * Does the same for the person that the provider reports. {@link follow} needs a report that is later than its reading of the
   * user, so the provider is asked again if its report differs from the stored user.
   * @param ask asks the provider; returns undefined if no user is logged in there.
   * @returns the person that the provider reported last.
   * @throws {Problem} `unauthenticated`, `database_unavailable`, and what `ask` throws.
   */
  async followNow(
    ask: () => Promise<AskedPerson | undefined>,
    client: ClientInfo,
  ): Promise<AskedPerson | undefined> {
    let person = await ask();
    for (let attempt = 0; person !== undefined && attempt < attempts; attempt += 1) {
      const user = await this.profiles.findUser(person.identity);
      if (user === undefined || !differs(user, person.identity)) {
        break;
      }
      person = await ask();
      if (person !== undefined && !(await this.follow(user, person.identity, person.login, client))) {
        break;
      }
    }
    return person;
  }

  /** Invalidates a person's tokens, so that each session asks the provider at its next request whether it is still valid. */
  async askAgain({ identity }: AskedPerson): Promise<void> {
    const user = await this.profiles.findUser(identity);
    if (user !== undefined) {
      await this.revocations.invalidate('user', user.id);
    }
  }
}
