import { Injectable } from '@nestjs/common';
import { ApiKeysService } from '../api-keys/api-keys.service.js';
import { AuditService } from '../directory/audit/audit.service.js';
import { Problem } from '../platform/errors/problem.error.js';
import type { IdentityKey, ProviderIdentity } from '../directory/users/identity.js';
import {
  type AddressOwnership,
  type AddressProof,
  UserOwnership,
} from '../directory/users/user-ownership.js';
import { AccountSessions } from './sessions/account-sessions.service.js';
import { Invites } from './invites.js';
import type { ClientInfo } from '../platform/http/client-info.js';

/**
 * How a user proved to own both the address and the account: `session` with a mailed code in a session of the account, `mailbox`
 * with a mailed code alone (recovery), or `provider` at a provider that reports it.
 */
export type OwnershipProof =
  | { readonly by: 'session'; /** Id of the provider's session, which stays. */ readonly staying: string }
  | { readonly by: 'mailbox' }
  | {
      readonly by: 'provider';
      /** Id of the provider's session, which isn't ended; null if the provider doesn't report it. */
      readonly staying: string | null;
      /** Id of our session in which the provider reported it, if any. It isn't ended either. */
      readonly session?: string | undefined;
    };

/**
 * Clears an account when its owner is proven: removes sessions, keys and invites that others may have set up (docs/adr/0023).
 *
 * A code that is entered in a session of the account proves that one person controls both the mailbox and the account. If the
 * account had a proven owner before, that person set up everything in it, and it stays. A code alone proves only control of the
 * mailbox. If the account isn't proven for this address, everything is removed.
 */
@Injectable()
export class AccountOwnership {
  constructor(
    private readonly ownership: UserOwnership,
    private readonly sessions: AccountSessions,
    private readonly keys: ApiKeysService,
    private readonly invites: Invites,
    private readonly audit: AuditService,
  ) {}

  /** Whether the owner of the identity's present address is the proven owner of the account; false if the account is unknown. */
  async isProven(identity: ProviderIdentity): Promise<boolean> {
    return (await this.ownership.find(identity))?.isProven === true;
  }

  /**
   * Records that the address is unverified, before a code is sent on to Kratos. If the gateway stops after Kratos accepted the
   * code, the identity is verified in Kratos. If it has no account here either, no other record would show that it was never
   * cleared.
   */
  async expectProof(identity: ProviderIdentity): Promise<void> {
    if (!identity.emailVerified && (await this.ownership.find(identity)) === undefined) {
      await this.ownership.noteBegun(identity, null);
    }
  }

  /** Starts clearing the account. From here on, only the login of the provider's session `staying` continues. */
  async beginClearing(identity: ProviderIdentity, staying: string): Promise<void> {
    await this.ownership.noteBegun(identity, staying);
    await this.#suspend(identity);
  }

  /** Undoes a clearance after a request from before it made a change: an outsider may have set something up again. */
  async reopen(identity: ProviderIdentity): Promise<void> {
    await this.ownership.noteCleared(identity, false);
    await this.#suspend(identity);
  }

  /** Whether any account is being cleared, or has been since this time (milliseconds since the epoch). */
  async hasClearings(since: number): Promise<boolean> {
    return this.ownership.hasClearings(since);
  }

  /**
   * Whether a flow or login at the provider was begun before the account was cleared, and isn't of the session that stays.
   * @param begunAt when it was begun, in milliseconds since the epoch, by our clock.
   * @param session id of the provider's session, if it is known.
   */
  async isOutdated(identity: IdentityKey, begunAt: number, session?: string): Promise<boolean> {
    const proof = await this.ownership.findProof(identity);
    return (
      proof !== undefined &&
      proof.staying !== null &&
      proof.staying !== session &&
      (proof.clearedAt === null || begunAt < proof.clearedAt)
    );
  }

  /**
   * The identity, with `emailVerified` set to false if its address must be proven here (`isProvenHere`) and isn't. If there is no
   * account yet, only an unfinished clearance sets it to false.
   */
  async judge(identity: ProviderIdentity): Promise<ProviderIdentity> {
    if (identity.isProvenHere !== true || !identity.emailVerified) {
      return identity;
    }
    const found = await this.ownership.find(identity);
    const isProven = found?.isProven ?? isSettled(await this.ownership.findProof(identity));
    return { ...identity, emailVerified: isProven };
  }

  /**
   * Refuses a login that was under way while the account was cleared. It is called after our session is stored, so either this
   * call sees the clearance, or the clearance sees the session.
   * @throws {Problem} `unauthenticated`
   */
  async requireCurrent(
    identity: ProviderIdentity,
    login: { readonly session: string; readonly staying: string | null },
  ): Promise<void> {
    // The connection was read before the account: one that was removed in between has ended no session that wasn't there yet.
    if (identity.membership !== undefined && !(await this.sessions.isLive(login.session))) {
      await this.sessions.drop(login.session);
      throw new Problem('unauthenticated', { reason: 'connection_ended' });
    }
    const proof = identity.isProvenHere ? await this.ownership.findProof(identity) : undefined;
    if (proof === undefined || proof.staying === null || proof.staying === login.staying) {
      return;
    }
    if (proof.clearedAt === null || !(await this.sessions.isLive(login.session))) {
      await this.sessions.drop(login.session);
      throw new Problem('unauthenticated', { reason: 'login_before_clearance' });
    }
  }

  /** Whether the account must be cleared because others may have set something up in it; undefined if the account is unknown. */
  async mustClear(identity: ProviderIdentity, proof: OwnershipProof): Promise<boolean | undefined> {
    const found = await this.ownership.find(identity);
    return found === undefined ? undefined : mustClear(found, proof);
  }

  /**
   * Gives the account to its proven owner: ends sessions elsewhere, and removes keys and invites that others may have made. The
   * account's address counts as verified only afterwards, and only if it is verified at the provider.
   * @returns id of the account; undefined if the identity has never logged in here, or only a recovery can prove its owner.
   */
  async settle(
    identity: ProviderIdentity,
    proof: OwnershipProof,
    client: ClientInfo,
  ): Promise<string | undefined> {
    const found = await this.ownership.find(identity);
    if (proof.by === 'session' && isClearing(await this.ownership.findProof(identity))) {
      // Others may have set the password. A code in a session doesn't replace the password; another recovery does.
      return undefined;
    }
    if (proof.by !== 'provider') {
      await this.ownership.noteCleared(identity, true);
    }
    if (found === undefined) {
      return undefined;
    }
    const { userId } = found;
    const isCleared = mustClear(found, proof);
    if (isCleared) {
      await this.ownership.suspend(userId, identity.email);
    }
    if (isCleared || proof.by === 'mailbox') {
      const staying = {
        exceptBehind: proof.by === 'mailbox' ? undefined : (proof.staying ?? undefined),
        except: proof.by === 'provider' ? proof.session : undefined,
      };
      await this.sessions.endForOwner(userId, staying, client);
    }
    if (isCleared) {
      // Keys and invites that were made after the provider verified the address are the owner's, and stay.
      const verifiedAt = proof.by === 'provider' ? identity.emailVerifiedAt : undefined;
      const before = verifiedAt ?? Number.MAX_SAFE_INTEGER;
      await this.keys.revokeMadeBy(userId, before, client);
      await this.invites.feature.withdrawBy(userId, before, client);
    }
    if (identity.email === null || !identity.emailVerified) {
      return userId;
    }
    await this.ownership.prove(userId, identity.email);
    const { requestId, remoteAddress } = client;
    await this.audit.record({
      type: 'address_proven',
      userId,
      requestId,
      remoteAddress,
      reason: `by_${proof.by}`,
    });
    return userId;
  }

  async #suspend(identity: ProviderIdentity): Promise<void> {
    const found = await this.ownership.find(identity);
    if (found !== undefined) {
      await this.ownership.suspend(found.userId, identity.email);
    }
  }
}

/** Whether the provider's report about an identity without an account here can be used: no clearance of it is unfinished. */
function isSettled(proof: AddressProof | undefined): boolean {
  return proof === undefined || proof.clearedAt !== null;
}

/** Whether a clearance was begun and hasn't finished, or was undone. */
function isClearing(proof: AddressProof | undefined): boolean {
  return proof !== undefined && proof.staying !== null && proof.clearedAt === null;
}

function mustClear(found: AddressOwnership, { by }: OwnershipProof): boolean {
  return by === 'mailbox' ? !found.isProven : !found.wasEverProven;
}
