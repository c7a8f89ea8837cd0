import type { ProviderIdentity, User } from '../users/identity.js';
import type { RequestOrigin } from './auth.service.js';

/** What may hold an invite on the way to an account. */
export interface BroughtLinks {
  /** Token of an invite. */
  readonly token?: string | undefined;
  /** Path on this origin that the login leads to: an invitation's page has the token. */
  readonly destination?: string | undefined;
}

/** Port: what a login has to do with organisations. Implemented in the orgs module. */
export abstract class OrgAdmission {
  /**
   * Makes somebody a member of the organisation that takes in everybody with a verified address of their e-mail domain,
   * the first time.
   * @returns whether they have joined it now, or are its member already.
   */
  abstract admitByDomain(user: User, origin: RequestOrigin): Promise<'joined' | 'member' | 'none'>;

  /**
   * Redeems an invite.
   * @throws {Problem} `gone` when it can't be used any more, `forbidden` when it isn't theirs, `email_unverified`.
   */
  abstract redeemInvite(user: User, token: string, origin: RequestOrigin): Promise<void>;

  /**
   * Withdraws the open invites that an account has sent.
   * @param before only older ones, in milliseconds since the epoch.
   */
  abstract withdrawInvitesBy(userId: string, before: number, origin: RequestOrigin): Promise<void>;

  /** Whether an invite that can be accepted came along, whoever it's for. */
  abstract bringsInvite(brought: BroughtLinks): Promise<boolean>;

  /** Whether there is an open invite for this address: one that came along, or one that waits for it, if it's verified. */
  abstract isInvited(
    address: Pick<ProviderIdentity, 'email' | 'emailVerified'>,
    brought: BroughtLinks,
  ): Promise<boolean>;
}
