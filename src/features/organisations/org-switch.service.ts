import { Injectable } from '@nestjs/common';
import type { Caller } from '../../session/principal.js';
import { Problem } from '../../platform/errors/problem.error.js';
import type { MintedSession } from '../../session/session-minter.js';
import { SessionService } from '../../session/session.service.js';
import { hasSecondFactor } from '../../session/tokens/account-claims.js';
import { UsersService } from '../../directory/users/users.service.js';
import { requireId, requireMay } from '../../orgs/org-access.js';
import { OrgEvents } from '../../orgs/org-events.js';
import { OwnLogins } from '../../orgs/own-logins.js';
import { orgEvents } from './org-audit-events.js';

/** Changes the active organisation of a session. */
@Injectable()
export class OrgSwitch {
  constructor(
    private readonly sessions: SessionService,
    private readonly users: UsersService,
    private readonly events: OrgEvents,
    private readonly logins: OwnLogins,
  ) {}

  /**
   * Makes an organisation the active one of the caller's session.
   * @returns the session's new token.
   * @throws {Problem} `forbidden` without a session cookie, and by the login of another organisation's connection; `not_found` if the caller isn't a member; `unauthenticated` if the
   *   session has ended.
   */
  async switchTo(caller: Caller, given: string): Promise<MintedSession> {
    const { principal } = caller;
    if (principal.credential !== 'cookie') {
      throw new Problem('forbidden', {
        detail: 'Only a session cookie has an active organisation that can be changed.',
        reason: 'no_session_cookie',
      });
    }
    const id = requireId(given);
    const { sub, sid } = principal.claims;
    const account = await this.users.requireAccount(sub, id);
    const role = account.org?.id === id ? account.org.role : null;
    const { isAdministrator, secondFactor } = account;
    const lacksFactor =
      secondFactor?.reach.includes('org') === true &&
      secondFactor.due <= account.readAt &&
      !hasSecondFactor(principal.claims);
    requireMay({ role, isAdministrator, lacksFactor: role !== null && lacksFactor }, 'org.switch');
    await this.logins.require(principal, id);
    const session = await this.sessions.chooseOrg(sid, id);
    if (session === undefined) {
      throw new Problem('unauthenticated', { reason: 'session_over' });
    }
    const minted = await this.sessions.mint(account, session, { source: principal.claims });
    await this.events.recordOrg(caller, orgEvents.org_switched.type, id);
    return minted;
  }
}
