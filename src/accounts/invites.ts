import { Injectable } from '@nestjs/common';
import type { Transaction } from 'kysely';
import type { User } from '../directory/users/identity.js';
import type { MembershipRow, OrgRole, Schema } from '../platform/database/database.schema.js';
import { Problem } from '../platform/errors/problem.error.js';
import type { ClientInfo } from '../platform/http/client-info.js';
import { inviteTokenOf } from './invite-link.js';
import type { InviteTerms } from './sign-up-rule.js';

/** The places where a login or registration may carry an invite. */
export interface InviteSource {
  /** The token of the invite. */
  readonly token?: string | undefined;
  /** The path on this origin that the login leads to. If it is the invitation page, it contains the token. */
  readonly destination?: string | undefined;
}

/** An invite that can be accepted now, as any holder of its link may see it. */
export interface OpenInvite extends InviteTerms {
  readonly id: string;
  /** Null if it is for an account alone. */
  readonly orgName: string | null;
  /** Null when the inviter has no name, or a reserved one. */
  readonly inviterName: string | null;
  readonly role: OrgRole;
  /** Whether somebody without an account can get one by it. */
  readonly opensSignUp: boolean;
  /**
   * The same address if the link was mailed there and shown to no one else; otherwise null. Anyone who has such a link has read
   * the mail, and may see the address.
   */
  readonly mailedTo: string | null;
}

/** What accounts, logins and memberships need of the feature that makes invites. */
export interface InviteFeature {
  /** The open invite of a token, without using it up, no matter for which address. Pages never show its `email`: a link can leak. */
  findOpen(token: string): Promise<OpenInvite | undefined>;
  /** The id of an open invite for this address that has let nobody in yet. @param byAdministrator only an administrator's. */
  findAwaiting(email: string, byAdministrator: boolean): Promise<string | undefined>;
  /**
   * Records whom an invite has given an account.
   * @param transaction the one that creates the account.
   * @returns false if it has let somebody else in, or can no longer be used.
   */
  admit(transaction: Transaction<Schema>, inviteId: string, userId: string): Promise<boolean>;
  /**
   * Accepts an invite for a user who logs in.
   * @throws {Problem} `gone` if it can no longer be used; `forbidden` if it is for another address; `email_unverified` if it is
   *   for the user's address and the address isn't verified.
   */
  accept(user: User, token: string, client: ClientInfo): Promise<void>;
  /** Withdraws a user's unused invites that were created before a time, in milliseconds since the epoch. */
  withdrawBy(userId: string, before: number, client: ClientInfo): Promise<void>;
  /**
   * Withdraws the unused invites that go beyond a member's new role: those that they may make no longer, and, if it is a lower role,
   * those for their address that would give a higher one back.
   * @param transaction the one that changes the role. @param member as they were before.
   */
  withdrawBeyond(transaction: Transaction<Schema>, member: MembershipRow, role: OrgRole): Promise<void>;
}

/** Without the feature, nobody has an invite. */
const none: InviteFeature = {
  findOpen: async () => undefined,
  findAwaiting: async () => undefined,
  admit: async () => false,
  accept: async () => {
    throw new Problem('gone', { reason: 'invite_unknown' });
  },
  withdrawBy: async () => undefined,
  withdrawBeyond: async () => undefined,
};

/** Invites, as the feature that makes them has told when the gateway started; none without it. */
@Injectable()
export class Invites {
  #feature = none;

  get feature(): InviteFeature {
    return this.#feature;
  }

  use(feature: InviteFeature): void {
    this.#feature = feature;
  }

  /** The open invite that the source holds. */
  async held({ token, destination }: InviteSource): Promise<OpenInvite | undefined> {
    const found = token ?? inviteTokenOf(destination);
    return found === undefined ? undefined : this.#feature.findOpen(found);
  }
}
