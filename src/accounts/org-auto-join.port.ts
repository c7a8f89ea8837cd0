import type { VouchedMembership } from '../directory/users/identity.js';
import type { ClientInfo } from '../platform/http/client-info.js';

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
}
