import { Inject, Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CONFIGURATION } from '../config/config.module.js';
import type { Configuration } from '../config/configuration.js';
import { Problem } from '../core/problem.error.js';
import { SecretBox } from '../core/secret.box.js';
import { readSingleCookie } from '../http/cookie.reader.js';
import { CookieJar } from '../http/cookie.writer.js';
import { Metrics } from '../metrics/metrics.js';

/** Bytes of name, value and attributes that every browser keeps (RFC 6265 section 6.1). */
const maximumBytes = 4096;
const attributeBytes = 80;

/** The encrypted session cookie: an augmented token inside a JWE. */
@Injectable()
export class SessionCookie {
  readonly #jar: CookieJar;
  readonly #box: SecretBox;
  readonly #maxAge: number;
  readonly #metrics: Metrics;
  /** `__Host-vestibule`, or `vestibule` on plain http. */
  readonly name: string;

  constructor(jar: CookieJar, metrics: Metrics, @Inject(CONFIGURATION) configuration: Configuration) {
    this.#jar = jar;
    this.#metrics = metrics;
    this.#box = new SecretBox(configuration.SECRETS, 'session-cookie');
    this.#maxAge = configuration.SESSION_MAX_TTL;
    this.name = jar.name('vestibule');
  }

  /**
   * Puts the token into the cookie.
   * @throws {Problem} `session_too_large` when a browser would drop it.
   */
  write(reply: FastifyReply, token: string): void {
    const value = this.#seal(token);
    this.#metrics.cookieBytes.of({}).observe(this.#sizeOf(value));
    this.#jar.set(reply, this.name, value, this.#maxAge);
  }

  /** @throws {Problem} `session_too_large` when this token can be in no cookie. */
  requireFit(token: string): void {
    this.#seal(token);
  }

  /** What the request's cookie holds, sealed; undefined when there's none, more than one, or one that is too long. */
  find(request: FastifyRequest): string | undefined {
    const value = readSingleCookie(request.headers.cookie, this.name);
    return value === undefined || value.length > maximumBytes ? undefined : value;
  }

  /** The token that {@link write} sealed; undefined for anything else. What opens was minted by this deployment. */
  open(sealed: string): string | undefined {
    return this.#box.open(sealed);
  }

  /** The token in the request's cookie; undefined where {@link find} or {@link open} find none. */
  read(request: FastifyRequest): string | undefined {
    const sealed = this.find(request);
    return sealed === undefined ? undefined : this.open(sealed);
  }

  /** Makes the browser drop the cookie. */
  clear(reply: FastifyReply): void {
    this.#jar.clear(reply, this.name);
  }

  #seal(token: string): string {
    const value = this.#box.seal(token);
    const size = this.#sizeOf(value);
    if (size > maximumBytes) {
      throw new Problem('session_too_large', { detail: `It would take ${size} bytes.` });
    }
    return value;
  }

  /** Bytes with name and attributes. */
  #sizeOf(value: string): number {
    return this.name.length + value.length + attributeBytes;
  }
}
