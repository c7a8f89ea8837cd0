import { Inject, Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { Configuration } from '../../platform/config/configuration.js';
import { Problem } from '../../platform/errors/problem.error.js';
import { readSingleCookie } from '../../platform/http/cookie-reader.js';
import { CookieWriter } from '../../platform/http/cookie-writer.js';
import { Telemetry } from '../../platform/telemetry/telemetry.js';
import { CookieCipher } from './cookie-cipher.js';
import { type DecryptedCookie, parseCookieText, cookieTextOf, tokenInCookie } from './decrypted-cookie.js';

/** Bytes of name, value and attributes that every browser keeps (RFC 6265 section 6.1). */
const maximumBytes = 4096;
const attributeBytes = 80;

/** The encrypted session cookie: an augmented token, encrypted by {@link CookieCipher}. */
@Injectable()
export class SessionCookie {
  readonly #cipher: CookieCipher;
  readonly #maxAge: number;
  /** `__Host-vestibule`, or `vestibule` on plain http. */
  readonly name: string;

  constructor(
    private readonly cookies: CookieWriter,
    private readonly telemetry: Telemetry,
    @Inject(CONFIGURATION) configuration: Configuration,
  ) {
    this.#cipher = new CookieCipher(configuration.SECRETS);
    this.#maxAge = configuration.SESSION_MAX_TTL;
    this.name = cookies.name('vestibule');
  }

  /** Writes the token into the cookie. @throws {Problem} `session_too_large` when a browser would drop it. */
  write(reply: FastifyReply, token: string): void {
    const text = cookieTextOf(token);
    this.telemetry.recorder.cookieSet(this.#fittingSize(text));
    this.cookies.set(reply, this.name, this.#cipher.encrypt(text), this.#maxAge);
  }

  /** Requires a token that fits. @throws {Problem} `session_too_large` when no cookie can hold this token. */
  requireFit(token: string): void {
    this.#fittingSize(cookieTextOf(token));
  }

  /** The encrypted value of the request's cookie; undefined if there is none, more than one, or one that is too long. */
  find(request: FastifyRequest): string | undefined {
    const value = readSingleCookie(request.headers.cookie, this.name);
    return value === undefined || value.length > maximumBytes ? undefined : value;
  }

  /** The token that {@link write} encrypted; undefined for anything else. A cookie that can be decrypted was minted by this deployment. */
  decrypt(sealed: string): DecryptedCookie | undefined {
    const text = this.#cipher.decrypt(sealed);
    return text === undefined ? undefined : parseCookieText(text);
  }

  /** The token in the request's cookie; undefined if {@link find} or {@link decrypt} returns nothing. */
  read(request: FastifyRequest): string | undefined {
    const sealed = this.find(request);
    const opened = sealed === undefined ? undefined : this.decrypt(sealed);
    return opened === undefined ? undefined : tokenInCookie(opened);
  }

  /** Makes the browser drop the cookie. */
  clear(reply: FastifyReply): void {
    this.cookies.clear(reply, this.name);
  }

  /** Bytes of the cookie that holds a text, with name and attributes. */
  #fittingSize(text: string): number {
    const size = this.name.length + this.#cipher.encryptedLength(text) + attributeBytes;
    if (size > maximumBytes) {
      throw new Problem('session_too_large', { detail: `It would take ${size} bytes.` });
    }
    return size;
  }
}
