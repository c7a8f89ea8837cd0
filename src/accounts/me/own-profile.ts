import { Injectable } from '@nestjs/common';
import { byThemselves } from '../actor-context.js';
import { ProfileService } from '../profile.service.js';
import { Problem } from '../../platform/errors/problem.error.js';
import type { UserRow } from '../../platform/database/database.schema.js';
import { type Caller, type Principal, hasSession } from '../../session/principal.js';
import { SessionCookie } from '../../session/cookie/session-cookie.js';
import type { MintedSession } from '../../session/session-minter.js';
import { SessionService } from '../../session/session.service.js';
import type { User } from '../../directory/users/identity.js';
import { UsersService } from '../../directory/users/users.service.js';

/** The fields that users may change in their own profile. */
export interface OwnChange {
  readonly name?: string | undefined;
  readonly picture?: string | null | undefined;
}

/** Changes the caller's own profile, and mints the token of their session anew so that it matches. */
@Injectable()
export class OwnProfile {
  constructor(
    private readonly profiles: ProfileService,
    private readonly sessions: SessionService,
    private readonly users: UsersService,
    private readonly cookie: SessionCookie,
  ) {}

  /**
   * Changes the caller's profile.
   * @returns the user; and a token with the new claims, if the request was made with a session.
   * @throws {Problem} what {@link ProfileService.change} throws; `unauthenticated` if the session has ended; `session_too_large`
   *   if the new claims don't fit into a cookie.
   */
  async change(
    caller: Caller,
    change: OwnChange,
    ifMatch: string | undefined,
  ): Promise<{ user: UserRow; session: MintedSession | undefined }> {
    const { principal } = caller;
    if (hasSession(principal)) {
      // Checked before anything is written: with a profile that doesn't fit into a cookie, the user could no longer log in.
      const { token } = await this.#mint(principal, change);
      this.cookie.requireFit(token);
    }
    const user = await this.profiles.change(principal.claims.sub, change, ifMatch, byThemselves(caller));
    return { user, session: hasSession(principal) ? await this.#mint(principal, {}) : undefined };
  }

  /** A token for the caller's session, from the data in SQL and a change that isn't stored yet. */
  async #mint({ claims }: Principal, { name, picture }: OwnChange): Promise<MintedSession> {
    const session = await this.sessions.findLive(claims.sid);
    if (session === undefined) {
      throw new Problem('unauthenticated', { reason: 'session_over' });
    }
    const account = await this.users.requireAccount(claims.sub, session.org_id);
    const user: User = {
      ...account.user,
      ...(name === undefined ? {} : { name }),
      ...(picture === undefined ? {} : { picture }),
    };
    // The change outdates the presented token, and so this one: the next request renews it, and asks the provider.
    return this.sessions.mint({ ...account, user }, session, { source: claims });
  }
}
