import { Injectable } from '@nestjs/common';
import { ApiKeysService } from '../api-keys/api-keys.service.js';
import { AuditService } from '../audit/audit.service.js';
import { Problem } from '../core/problem.error.js';
import type { ProviderIdentity } from '../users/identity.js';
import { type AddressOwnership, type AddressProof, UserOwnership } from '../users/user.ownership.js';
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

  /**
   * Notes, before a code goes to Kratos, that the address is unverified. A gateway that dies after Kratos has taken the code leaves an
   * account that Kratos calls verified: without an account here nothing else would tell that it was never cleared.
   */
  async expectProof(identity: ProviderIdentity): Promise<void> {
    if (!identity.emailVerified && (await this.#ownership.find(identity)) === undefined) {
      await this.#ownership.noteUnproven(identity);
    }
  }

  /** The account is being cleared from here on: no login goes on but that of the provider's session that stays. */
  async beginClearing(identity: ProviderIdentity, staying: string): Promise<void> {
    await this.#ownership.noteClearing(identity, staying);
    await this.#suspend(identity);
  }

  /** Something that began before the account was cleared has ended after it: what is there may be an outsider's again. */
  async reopen(identity: ProviderIdentity): Promise<void> {
    await this.#ownership.noteUncleared(identity);
    await this.#suspend(identity);
  }

  /** Whether any account is being cleared, or has been since this moment (milliseconds since the epoch). */
  async hasClearings(since: number): Promise<boolean> {
    return this.#ownership.hasClearings(since);
  }

  /**
   * Whether what was begun at the provider is older than the account's clearance.
   * @param begunAt milliseconds since the epoch, by our clock.
   * @param session the provider's, where it is known.
   */
  async isOutdated(
    identity: Pick<ProviderIdentity, 'issuer' | 'subject'>,
    begunAt: number,
    session?: string,
  ): Promise<boolean> {
    const proof = await this.#ownership.findProof(identity);
    return (
      proof !== undefined &&
      proof.staying !== null &&
      proof.staying !== session &&
      (proof.clearedAt === null || begunAt < proof.clearedAt)
    );
  }

  /** An identity without its provider's word for an address that was unverified here, and isn't proven. */
  async judge(identity: ProviderIdentity): Promise<ProviderIdentity> {
    if (identity.isProvenHere !== true || !identity.emailVerified) {
      return identity;
    }
    const found = await this.#ownership.find(identity);
    const isProven = found?.isProven ?? isSettled(await this.#ownership.findProof(identity));
    return { ...identity, emailVerified: isProven };
  }

  /**
   * A login that was under way while the account was cleared is refused: asked once our session is stored, so that either this
   * sees the clearance or the clearance has seen the session.
   * @throws {Problem} `unauthenticated`
   */
  async requireCurrent(
    identity: ProviderIdentity,
    login: { readonly session: string; readonly staying: string | null },
  ): Promise<void> {
    const proof = identity.isProvenHere ? await this.#ownership.findProof(identity) : undefined;
    if (proof === undefined || proof.staying === null || proof.staying === login.staying) {
      return;
    }
    if (proof.clearedAt === null || !(await this.#sessions.isLive(login.session))) {
      await this.#sessions.drop(login.session);
      throw new Problem('unauthenticated', { reason: 'login_before_clearance' });
    }
  }

  /** Whether others may have set up what the account has; nothing where the account isn't known. */
  async mustClear(identity: ProviderIdentity, proof: OwnershipProof): Promise<boolean | undefined> {
    const found = await this.#ownership.find(identity);
    return found === undefined ? undefined : mustClear(found, proof);
  }

  /**
   * The owner has proven to be it: sessions elsewhere end, keys and invites that others may have made go, and only then the account
   * counts as verified, if its address is.
   * @returns id of the account; nothing when the identity has never logged in here, or only a recovery can prove it.
   */
  async settle(
    identity: ProviderIdentity,
    proof: OwnershipProof,
    origin: RequestOrigin,
  ): Promise<string | undefined> {
    const found = await this.#ownership.find(identity);
    if (proof.by === 'session' && isClearing(await this.#ownership.findProof(identity))) {
      // Others may have set the password: a code in a session doesn't replace it, another recovery does.
      return undefined;
    }
    if (proof.by !== 'provider') {
      await this.#ownership.noteCleared(identity);
    }
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

  async #suspend(identity: ProviderIdentity): Promise<void> {
    const found = await this.#ownership.find(identity);
    if (found !== undefined) {
      await this.#ownership.suspend(found.userId);
    }
  }
}

/** Whether an identity without an account here is what its provider says: no clearance of it was begun and not ended. */
function isSettled(proof: AddressProof | undefined): boolean {
  return proof === undefined || proof.clearedAt !== null;
}

/** Whether a clearance was begun and not ended, or was undone. */
function isClearing(proof: AddressProof | undefined): boolean {
  return proof !== undefined && proof.staying !== null && proof.clearedAt === null;
}

function mustClear(found: AddressOwnership, { by }: OwnershipProof): boolean {
  return by === 'mailbox' ? !found.isProven : !found.wasEverProven;
}
