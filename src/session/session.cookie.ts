import { Inject, Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CONFIGURATION } from '../config/config.module.js';
import type { Configuration } from '../config/configuration.js';
import { Problem } from '../core/problem.error.js';
import { SecretBox } from '../core/secret.box.js';
import { readSingleCookie } from '../http/cookie.reader.js';
import { CookieJar } from '../http/cookie.writer.js';

/** Bytes of name, value and attributes that every browser keeps (RFC 6265 section 6.1). */
const maximumBytes = 4096;
const attributeBytes = 80;

/** The encrypted session cookie: an augmented token inside a JWE. */
@Injectable()
export class SessionCookie {
  readonly #jar: CookieJar;
  readonly #box: SecretBox;
  readonly #maxAge: number;
  /** `__Host-vestibule`, or `vestibule` on plain http. */
  readonly name: string;

  constructor(jar: CookieJar, @Inject(CONFIGURATION) configuration: Configuration) {
    this.#jar = jar;
    this.#box = new SecretBox(configuration.SECRETS, 'session-cookie');
    this.#maxAge = configuration.SESSION_MAX_TTL;
    this.name = jar.name('vestibule');
  }

  /**
   * Puts the token into the cookie.
   * @throws {Problem} `session_too_large` when a browser would drop it.
   */
  async write(reply: FastifyReply, token: string): Promise<void> {
    this.#jar.set(reply, this.name, await this.#seal(token), this.#maxAge);
  }

  /** @throws {Problem} `session_too_large` when this token can be in no cookie. */
  async requireFit(token: string): Promise<void> {
    await this.#seal(token);
  }

  /** The token in the request's cookie; undefined when there's none, more than one, or one that isn't ours. */
  async read(request: FastifyRequest): Promise<string | undefined> {
    const value = readSingleCookie(request.headers.cookie, this.name);
    return value === undefined || value.length > maximumBytes ? undefined : this.#box.open(value);
  }

  /** Makes the browser drop the cookie. */
  clear(reply: FastifyReply): void {
    this.#jar.clear(reply, this.name);
  }

  async #seal(token: string): Promise<string> {
    const value = await this.#box.seal(token);
    const size = this.name.length + value.length + attributeBytes;
    if (size > maximumBytes) {
      throw new Problem('session_too_large', { detail: `It would take ${size} bytes.` });
    }
    return value;
  }
}
