import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { VerifiedTokenCache } from './tokens/verified-token.cache.js';
import { type Principal, principalOf } from './principal.js';
import { SessionCookie } from './cookie/session-cookie.js';

/** Finds a browser's user for pages that are open to all. It never renews, waits or refuses. */
@Injectable()
export class SessionPeek {
  constructor(
    private readonly cookie: SessionCookie,
    private readonly tokens: VerifiedTokenCache,
  ) {}

  /** The principal that a guard has found, or that of the cookie's live session; undefined if it can't be determined synchronously. */
  find(request: FastifyRequest): Principal | undefined {
    return principalOf(request) ?? this.#inCookie(request);
  }

  #inCookie(request: FastifyRequest): Principal | undefined {
    try {
      const sealed = this.cookie.find(request);
      const known = sealed === undefined ? undefined : this.tokens.get('cookie', sealed);
      const opened = sealed === undefined || known !== undefined ? undefined : this.cookie.decrypt(sealed);
      const checked = opened === undefined ? undefined : this.tokens.verifyOpened(opened);
      if (checked instanceof Promise) {
        checked.catch(() => undefined);
        return undefined;
      }
      if (sealed === undefined || checked === undefined) {
        return known;
      }
      return checked.expired || checked.verdict !== 'live'
        ? undefined
        : this.tokens.set('cookie', sealed, checked);
    } catch {
      // The session has ended, or the revocations can't be read: the page is shown as to a visitor.
      return undefined;
    }
  }
}
