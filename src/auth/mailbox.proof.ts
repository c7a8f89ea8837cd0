import { Injectable } from '@nestjs/common';
import { type Principal, hasSession } from '../session/principal.js';
import { RevocationService } from '../session/revocation.service.js';
import { SessionService } from '../session/session.service.js';
import { AccountOwnership } from './account-ownership.service.js';
import { AddressRights } from './address.rights.js';
import type { RequestOrigin } from './auth.service.js';
import { AuthStrategy } from './auth.strategy.js';

/** Verifies the address of an account because a secret that was mailed to it came back, as with a verification code. */
@Injectable()
export class MailboxProof {
  readonly #strategy: AuthStrategy;
  readonly #sessions: SessionService;
  readonly #ownership: AccountOwnership;
  readonly #revocations: RevocationService;
  readonly #rights: AddressRights;

  constructor(
    strategy: AuthStrategy,
    sessions: SessionService,
    ownership: AccountOwnership,
    revocations: RevocationService,
    rights: AddressRights,
  ) {
    this.#rights = rights;
    this.#strategy = strategy;
    this.#sessions = sessions;
    this.#ownership = ownership;
    this.#revocations = revocations;
  }

  /**
   * Verifies an address at the provider, and settles here that the account is its owner's: what others may have set up before goes. The
   * caller has checked that the secret was mailed to this address and shown to no one else.
   * @param email in lower case.
   * @returns false when the provider's identities aren't administered here, the request has no session of the person, or the identity has
   *   another address by now.
   * @throws {Problem} `provider_unavailable`
   */
  async accept(principal: Principal, email: string, origin: RequestOrigin): Promise<boolean> {
    const administration = this.#strategy.identities;
    const session = hasSession(principal) ? await this.#sessions.findLive(principal.claims.sid) : undefined;
    if (
      administration === undefined ||
      session?.issuer !== administration.issuer ||
      session.provider_session_id === null ||
      !(await administration.verifyAddress(session.subject, email))
    ) {
      return false;
    }
    const { issuer, subject, provider_session_id: staying } = session;
    const identity = { issuer, subject, email, emailVerified: true, name: null, picture: null };
    const userId = await this.#ownership.settle(identity, { by: 'session', staying }, origin);
    if (userId !== undefined) {
      // Tokens that still call it unverified are stale from now on.
      await this.#revocations.outdate('user', userId);
      await this.#rights.give(userId, origin);
    }
    return userId !== undefined;
  }
}
