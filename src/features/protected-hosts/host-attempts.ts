import { createHash, randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { isSameText } from '../../platform/crypto/secret-text.js';
import { cookieNames, readSingleCookie, surplusOf } from '../../platform/http/cookie-reader.js';
import { CookieWriter } from '../../platform/http/cookie-writer.js';

/** Seconds in which a user has to log in. */
const lifetime = 1800;
/** Logins that one browser may have open at once on a host (tabs); the oldest cookies are dropped. */
const openAtOnce = 4;

/**
 * Binds logins on a protected host to the browser that began them: each has a cookie of that host with a random secret, of which only
 * the hash leaves the host (as a code challenge does, RFC 7636). Each tab has a cookie of its own.
 */
@Injectable()
export class HostAttempts {
  readonly #prefix: string;

  constructor(private readonly cookies: CookieWriter) {
    this.#prefix = cookies.name('vestibule-host-login.');
  }

  /** Begins a login. @returns its challenge. */
  begin(request: FastifyRequest, reply: FastifyReply): string {
    for (const name of surplusOf(cookieNames(request.headers.cookie, this.#prefix), openAtOnce - 1)) {
      this.cookies.clear(reply, name);
    }
    const secret = randomBytes(32).toString('base64url');
    const challenge = challengeOf(secret);
    this.cookies.set(reply, this.#cookieName(challenge), secret, lifetime);
    return challenge;
  }

  /** Ends a login. @returns whether this browser began the one with this challenge. */
  end(request: FastifyRequest, reply: FastifyReply, challenge: string): boolean {
    const name = this.#cookieName(challenge);
    const secret = readSingleCookie(request.headers.cookie, name);
    this.cookies.clear(reply, name);
    return secret !== undefined && isSameText(challengeOf(secret), challenge);
  }

  #cookieName(challenge: string): string {
    return this.#prefix + challenge.slice(0, 16);
  }
}

function challengeOf(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url');
}
