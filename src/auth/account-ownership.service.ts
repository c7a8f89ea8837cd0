import { Injectable } from '@nestjs/common';
import { ApiKeysService } from '../api-keys/api-keys.service.js';
import { AuditService } from '../audit/audit.service.js';
import type { ProviderIdentity } from '../users/identity.js';
import { type AddressOwnership, UserOwnership } from '../users/user.ownership.js';
import { AccountSessions } from './account-sessions.service.js';
import type { RequestOrigin } from './auth.service.js';
import { OrgAdmission } from './org.admission.js';

/**
 * How the owner of an address has proven to be the account's: with a mailed code in a session of the account, with a mailed code alone
 * (recovery), or at a provider that says so.
 */
export type OwnershipProof =
  | { readonly by: 'session'; /** The provider's session. */ readonly staying: string }
  | { readonly by: 'mailbox' }
  | {
      readonly by: 'provider';
      /** The provider's session, where it tells one. */
      readonly staying: string | null;
      /** Ours, where it says so during one: it stays as well. */
      readonly session?: string | undefined;
    };

/**
 * Takes from an account what was set up before the owner of its address had proven to be its owner (docs/adr/0023).
 *
 * A code that is given in a session of the account shows that one person has both: what an account has that was proven before, they
 * have set up. A code alone shows the mailbox and nothing else: of an account that wasn't proven for this address, all goes.
 */
@Injectable()
export class AccountOwnership {
  readonly #ownership: UserOwnership;
  readonly #sessions: AccountSessions;
  readonly #keys: ApiKeysService;
  readonly #orgs: OrgAdmission;
  readonly #audit: AuditService;

  constructor(
    ownership: UserOwnership,
    sessions: AccountSessions,
    keys: ApiKeysService,
    orgs: OrgAdmission,
    audit: AuditService,
  ) {
    this.#ownership = ownership;
    this.#sessions = sessions;
    this.#keys = keys;
    this.#orgs = orgs;
    this.#audit = audit;
  }

  /** Whether the owner of the identity's present address has proven to be the account's; false where the account isn't known. */
  async isProven(identity: ProviderIdentity): Promise<boolean> {
    return (await this.#ownership.find(identity))?.isProven === true;
  }

  /** Whether others may have set up what the account has; nothing where the account isn't known. */
  async mustClear(identity: ProviderIdentity, proof: OwnershipProof): Promise<boolean | undefined> {
    const found = await this.#ownership.find(identity);
    return found === undefined ? undefined : mustClear(found, proof);
  }

  /**
   * The owner has proven to be it: sessions elsewhere end, keys and invites that others may have made go, and only then the account
   * counts as verified, if its address is.
   * @returns id of the account; nothing when the identity has never logged in here.
   */
  async settle(
    identity: ProviderIdentity,
    proof: OwnershipProof,
    origin: RequestOrigin,
  ): Promise<string | undefined> {
    const found = await this.#ownership.find(identity);
    if (found === undefined) {
      return undefined;
    }
    const { userId } = found;
    const isCleared = mustClear(found, proof);
    if (isCleared) {
      await this.#ownership.suspend(userId);
    }
    if (isCleared || proof.by === 'mailbox') {
      const staying = {
        behind: proof.by === 'mailbox' ? undefined : (proof.staying ?? undefined),
        id: proof.by === 'provider' ? proof.session : undefined,
      };
      await this.#sessions.endForOwner(userId, staying, origin);
    }
    if (isCleared) {
      // What was made after the provider had called the address verified is the owner's.
      const verifiedAt = proof.by === 'provider' ? identity.emailVerifiedAt : undefined;
      const before = verifiedAt ?? Number.MAX_SAFE_INTEGER;
      await this.#keys.revokeMadeBy(userId, before, origin);
      await this.#orgs.withdrawInvitesBy(userId, before, origin);
    }
    if (identity.email === null || !identity.emailVerified) {
      return userId;
    }
    await this.#ownership.prove(userId, identity.email);
    const { requestId, remoteAddress } = origin;
    await this.#audit.record({
      type: 'address_proven',
      userId,
      requestId,
      remoteAddress,
      reason: `by_${proof.by}`,
    });
    return userId;
  }
}

function mustClear(found: AddressOwnership, { by }: OwnershipProof): boolean {
  return by === 'mailbox' ? !found.isProven : !found.wasEverProven;
}
