import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { LiveTokens } from './live.tokens.js';
import { type Principal, principalOf } from './principal.js';
import { SessionCookie } from './session.cookie.js';

/** Whose browser it is, for pages that are shown to anybody: nothing is renewed, waited for or refused because of it. */
@Injectable()
export class SessionPeek {
  readonly #cookie: SessionCookie;
  readonly #tokens: LiveTokens;

  constructor(cookie: SessionCookie, tokens: LiveTokens) {
    this.#cookie = cookie;
    this.#tokens = tokens;
  }

  /** The principal that a guard has found, else the live session of the cookie; undefined where it can't be said at once. */
  find(request: FastifyRequest): Principal | undefined {
    return principalOf(request) ?? this.#inCookie(request);
  }

  #inCookie(request: FastifyRequest): Principal | undefined {
    try {
      const sealed = this.#cookie.find(request);
      const known = sealed === undefined ? undefined : this.#tokens.recall('cookie', sealed);
      const opened = sealed === undefined || known !== undefined ? undefined : this.#cookie.open(sealed);
      const checked = opened === undefined ? undefined : this.#tokens.verifyOpened(opened);
      if (checked instanceof Promise) {
        checked.catch(() => undefined);
        return undefined;
      }
      if (sealed === undefined || checked === undefined) {
        return known;
      }
      return checked.expired || checked.verdict !== 'live'
        ? undefined
        : this.#tokens.remember('cookie', sealed, checked);
    } catch {
      // A session that has ended, or revocations that can't be read: the page is a visitor's.
      return undefined;
    }
  }
}
