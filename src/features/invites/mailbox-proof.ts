import { Injectable } from '@nestjs/common';
import { AccountOwnership } from '../../accounts/account-ownership.service.js';
import { AddressRights } from '../../accounts/address-rights.js';
import { AuthStrategy } from '../../auth-strategy/auth.strategy.js';
import { type Caller, hasSession } from '../../session/principal.js';
import { RevocationService } from '../../session/revocation/revocation.service.js';
import { SessionService } from '../../session/session.service.js';

/** Verifies an account's address after a secret that was mailed to it has been presented, as with a verification code. */
@Injectable()
export class MailboxProof {
  constructor(
    private readonly strategy: AuthStrategy,
    private readonly sessions: SessionService,
    private readonly ownership: AccountOwnership,
    private readonly revocations: RevocationService,
    private readonly rights: AddressRights,
  ) {}

  /**
   * Verifies an address at the provider, and gives the account to its owner, as {@link AccountOwnership.settle} does. The caller
   * must have checked that the secret was mailed to this address and shown to no other user.
   * @param email in lower case.
   * @returns whether the address is verified here now. False if the provider's identities aren't administered here, the request
   *   has no session of the person, the identity has another address by now, or a clearance of the account is unfinished.
   * @throws {Problem} `provider_unavailable`
   */
  async accept({ principal, client }: Caller, email: string): Promise<boolean> {
    const administration = this.strategy.identities;
    const session = hasSession(principal) ? await this.sessions.findLive(principal.claims.sid) : undefined;
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
    const userId = await this.ownership.settle(identity, { by: 'session', staying }, client);
    if (userId !== undefined) {
      // Tokens in which the address is unverified are outdated from now on.
      await this.revocations.invalidate('user', userId);
      await this.rights.give(userId, client);
    }
    return userId !== undefined;
  }
}
