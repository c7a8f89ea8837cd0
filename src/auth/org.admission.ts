import type { User } from '../users/identity.js';
import type { RequestOrigin } from './auth.service.js';

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
}
