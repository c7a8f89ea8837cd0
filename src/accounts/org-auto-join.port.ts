import type { Transaction } from 'kysely';
import type { User, VouchedMembership } from '../directory/users/identity.js';
import type { Schema } from '../platform/database/database.schema.js';
import type { ClientInfo } from '../platform/http/client-info.js';
import type { InviteTerms } from './sign-up-rule.js';

/** The places where a login or registration may carry an invite. */
export interface InviteSource {
  /** The token of the invite. */
  readonly token?: string | undefined;
  /** The path on this origin that the login leads to. If it is the invitation page, it contains the token. */
  readonly destination?: string | undefined;
}

/** An invite that somebody without an account may use. */
export interface HeldInvite extends InviteTerms {
  readonly id: string;
}

/** Port: makes users members of organisations when they log in. Implemented in the orgs module. */
export abstract class OrgAutoJoin {
  /**
   * Gives a user the membership that their organisation's connection states. Its groups decide on the role if it has rules, but for
   * owners, who keep theirs. Users who have left or were removed keep that state. A connection that is gone gives nothing.
   * @param client undefined where no request of the user is known.
   * @returns whether anything has changed.
   */
  abstract joinByConnection(
    userId: string,
    membership: VouchedMembership,
    client?: ClientInfo,
  ): Promise<boolean>;

  /**
   * Redeems an invite.
   * @throws {Problem} `gone` if it can no longer be used; `forbidden` if it is for another address; `email_unverified` if it is
   *   for the user's address and the address isn't verified.
   */
  abstract redeemInvite(user: User, token: string, client: ClientInfo): Promise<void>;

  /** Withdraws a user's unused invites that were created before a time, in milliseconds since the epoch. */
  abstract withdrawInvitesBy(userId: string, before: number, client: ClientInfo): Promise<void>;

  /** The open invite that the source holds, no matter for which address. */
  abstract heldInvite(inviteSource: InviteSource): Promise<HeldInvite | undefined>;

  /** The id of an open invite for this address that has let nobody in yet. @param byAdministrator only an administrator's. */
  abstract findAwaiting(email: string, byAdministrator: boolean): Promise<string | undefined>;

  /**
   * Records whom an invite has given an account.
   * @param transaction the one that creates the account.
   * @returns false if it has let somebody else in, or can no longer be used.
   */
  abstract admit(transaction: Transaction<Schema>, inviteId: string, userId: string): Promise<boolean>;
}
