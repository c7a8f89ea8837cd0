import { Inject, Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CONFIGURATION } from '../config/config.module.js';
import type { Configuration } from '../config/configuration.js';
import { Problem } from '../core/problem.error.js';
import { readSingleCookie } from '../http/cookie.reader.js';
import { CookieJar } from '../http/cookie.writer.js';
import { Metrics } from '../metrics/metrics.js';
import { CookieCipher } from './cookie.cipher.js';
import { type OpenedToken, readOpened, textOf, tokenOf } from './opened.token.js';

/** Bytes of name, value and attributes that every browser keeps (RFC 6265 section 6.1). */
const maximumBytes = 4096;
const attributeBytes = 80;

/** The encrypted session cookie: an augmented token inside a JWE. */
@Injectable()
export class SessionCookie {
  readonly #jar: CookieJar;
  readonly #cipher: CookieCipher;
  readonly #maxAge: number;
  readonly #metrics: Metrics;
  /** `__Host-vestibule`, or `vestibule` on plain http. */
  readonly name: string;

  constructor(jar: CookieJar, metrics: Metrics, @Inject(CONFIGURATION) configuration: Configuration) {
    this.#jar = jar;
    this.#metrics = metrics;
    this.#cipher = new CookieCipher(configuration.SECRETS);
    this.#maxAge = configuration.SESSION_MAX_TTL;
    this.name = jar.name('vestibule');
  }

  /**
   * Puts the token into the cookie.
   * @throws {Problem} `session_too_large` when a browser would drop it.
   */
  write(reply: FastifyReply, token: string): void {
    const text = textOf(token);
    this.#metrics.cookieBytes.of({}).observe(this.#fittingSize(text));
    this.#jar.set(reply, this.name, this.#cipher.seal(text), this.#maxAge);
  }

  /** @throws {Problem} `session_too_large` when this token can be in no cookie. */
  requireFit(token: string): void {
    this.#fittingSize(textOf(token));
  }

  /** What the request's cookie holds, sealed; undefined when there's none, more than one, or one that is too long. */
  find(request: FastifyRequest): string | undefined {
    const value = readSingleCookie(request.headers.cookie, this.name);
    return value === undefined || value.length > maximumBytes ? undefined : value;
  }

  /** The token that {@link write} sealed; undefined for anything else. What opens was minted by this deployment. */
  open(sealed: string): OpenedToken | undefined {
    const text = this.#cipher.open(sealed);
    return text === undefined ? undefined : readOpened(text);
  }

  /** The token in the request's cookie; undefined where {@link find} or {@link open} find none. */
  read(request: FastifyRequest): string | undefined {
    const sealed = this.find(request);
    const opened = sealed === undefined ? undefined : this.open(sealed);
    return opened === undefined ? undefined : tokenOf(opened);
  }

  /** Makes the browser drop the cookie. */
  clear(reply: FastifyReply): void {
    this.#jar.clear(reply, this.name);
  }

  /** Bytes of the cookie that holds a text, with name and attributes. */
  #fittingSize(text: string): number {
    const size = this.name.length + this.#cipher.sealedLength(text) + attributeBytes;
    if (size > maximumBytes) {
      throw new Problem('session_too_large', { detail: `It would take ${size} bytes.` });
    }
    return size;
  }
}
