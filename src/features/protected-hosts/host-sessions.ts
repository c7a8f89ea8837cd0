import { Injectable } from '@nestjs/common';
import { AuditService } from '../../directory/audit/audit.service.js';
import { Problem } from '../../platform/errors/problem.error.js';
import type { ClientInfo } from '../../platform/http/client-info.js';
import type { MintedSession } from '../../session/session-minter.js';
import { SessionRenewer } from '../../session/session-renewer.js';
import { SessionService } from '../../session/session.service.js';
import { HostCodeRepository, type HostGrant } from './host-code.repository.js';
import type { ProtectedHost } from './protected-host.js';
import { SessionHostsRepository } from './session-hosts.repository.js';
import { hostEvents } from './host-audit-events.js';

const codeForm = /^[\w-]{43}$/;

/** Where a code leads. */
export interface RedeemedCode {
  /** The session's new token for the host; undefined if the browser has one of the same session already. */
  readonly session: MintedSession | undefined;
  /** Path on the host. */
  readonly returnTo: string;
}

/** Redeems codes on protected hosts: the one session gets a token of its own for each host. */
@Injectable()
export class HostSessions {
  constructor(
    private readonly codes: HostCodeRepository,
    private readonly sessions: SessionService,
    private readonly renewer: SessionRenewer,
    private readonly hosts: SessionHostsRepository,
    private readonly audit: AuditService,
  ) {}

  /**
   * Redeems a code. It is used up whatever the outcome: one that another browser than the one that began shows may have leaked on the
   * way, to an attacker who chose its challenge and sent a user to the request for it.
   * @param code as the browser sent it.
   * @param browser whether it began the login with a challenge, and the id of its session on this host, if any: with the same session it
   *   only goes on. So the back button, or a tab whose attempt was dropped, is no error.
   * @throws {Problem} `login_state_invalid`
   */
  async redeem(
    host: ProtectedHost,
    code: unknown,
    browser: { readonly began: (challenge: string) => boolean; readonly sessionId: string | undefined },
    client: ClientInfo,
  ): Promise<RedeemedCode> {
    const grant = typeof code === 'string' && codeForm.test(code) ? await this.codes.take(code) : undefined;
    if (grant === undefined) {
      throw refused('host_code_unknown_used_or_expired');
    }
    if (grant.host !== host.host) {
      throw refused('host_code_of_other_host');
    }
    const { return_to: returnTo } = grant;
    if (!browser.began(grant.challenge)) {
      if (browser.sessionId === grant.session_id) {
        return { session: undefined, returnTo };
      }
      throw refused('host_code_of_other_browser');
    }
    const session = await this.#mint(grant, host.origin, client);
    const { sid: sessionId, sub: userId } = session.claims;
    await this.hosts.add(sessionId, host.host);
    const target = { kind: 'host', id: host.host } as const;
    await this.audit.record({ type: hostEvents.host_login.type, userId, sessionId, target, ...client });
    return { session, returnTo };
  }

  /** The first token for the host. None of the session is presented, so the provider says whether it goes on. */
  async #mint({ session_id: id }: HostGrant, aud: string, client: ClientInfo): Promise<MintedSession> {
    const row = await this.sessions.findLive(id);
    if (row === undefined) {
      throw refused('session_over');
    }
    try {
      return await this.renewer.renew({ sid: row.id, sub: row.user_id, aud }, client);
    } catch (error) {
      // Of a session that has just ended, or whose user was disabled: a browser that was sent to log in again would come back here.
      throw error instanceof Problem && error.code === 'unauthenticated'
        ? refused(error.reason ?? 'session_over')
        : error;
    }
  }
}

function refused(reason: string): Problem {
  return new Problem('login_state_invalid', { reason });
}
