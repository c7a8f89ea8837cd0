import { Injectable } from '@nestjs/common';
import type { RequestOrigin } from '../auth/auth.service.js';
import { byThemselves } from '../auth/account.act.js';
import { ProfileService } from '../auth/profile.service.js';
import { Problem } from '../core/problem.error.js';
import type { UserRow } from '../database/database.schema.js';
import { type Principal, hasSession } from '../session/principal.js';
import { SessionCookie } from '../session/session.cookie.js';
import type { MintedSession } from '../session/session.minter.js';
import { SessionService } from '../session/session.service.js';
import type { User } from '../users/identity.js';
import { UsersService } from '../users/users.service.js';

/** What people may change of their own profile. */
export interface OwnChange {
  readonly name?: string | undefined;
  readonly picture?: string | null | undefined;
}

/** The caller's own profile, and the token of their session that must say the same. */
@Injectable()
export class OwnProfile {
  readonly #profiles: ProfileService;
  readonly #sessions: SessionService;
  readonly #users: UsersService;
  readonly #cookie: SessionCookie;

  constructor(
    profiles: ProfileService,
    sessions: SessionService,
    users: UsersService,
    cookie: SessionCookie,
  ) {
    this.#profiles = profiles;
    this.#sessions = sessions;
    this.#users = users;
    this.#cookie = cookie;
  }

  /**
   * Changes the caller's profile.
   * @returns the user, and a token with the new claims where a session made the request.
   * @throws {Problem} what {@link ProfileService.change} does; `session_too_large` for what no cookie can hold.
   */
  async change(
    principal: Principal,
    change: OwnChange,
    ifMatch: string | undefined,
    origin: RequestOrigin,
  ): Promise<{ user: UserRow; session: MintedSession | undefined }> {
    if (hasSession(principal)) {
      // Before anything is written: with a profile that fits into no cookie nobody could log in any more.
      const { token } = await this.#mint(principal, change);
      this.#cookie.requireFit(token);
    }
    const act = byThemselves(principal, origin);
    const user = await this.#profiles.change(principal.claims.sub, change, ifMatch, act);
    return { user, session: hasSession(principal) ? await this.#mint(principal, {}) : undefined };
  }

  /** A token of the caller's session as SQL says it, with a change that isn't there yet. */
  async #mint({ claims }: Principal, { name, picture }: OwnChange): Promise<MintedSession> {
    const session = await this.#sessions.findLive(claims.sid);
    if (session === undefined) {
      throw new Problem('unauthenticated', { reason: 'session_over' });
    }
    const account = await this.#users.requireAccount(claims.sub, session.org_id);
    const user: User = {
      ...account.user,
      ...(name === undefined ? {} : { name }),
      ...(picture === undefined ? {} : { picture }),
    };
    return this.#sessions.mint({ ...account, user }, session);
  }
}
