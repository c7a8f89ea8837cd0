import { Inject, Injectable } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { Configuration } from '../../platform/config/configuration.js';
import { PurposeCipher } from '../../platform/crypto/purpose-cipher.js';
import { readSingleCookie } from '../../platform/http/cookie-reader.js';
import { CookieWriter } from '../../platform/http/cookie-writer.js';

/** The cookie by which a browser brings its session at a connection: the session's id with a MAC. */
@Injectable()
export class ConnectionCookie {
  readonly #cipher: PurposeCipher;
  readonly #name: string;

  constructor(
    private readonly cookies: CookieWriter,
    @Inject(CONFIGURATION) { SECRETS }: Configuration,
  ) {
    this.#cipher = new PurposeCipher(SECRETS, 'connection-session');
    this.#name = cookies.name('vestibule-connection');
  }

  /** The session's id; undefined without a cookie of ours. @param header the request's Cookie header. */
  read(header: string | undefined): string | undefined {
    const value = readSingleCookie(header, this.#name) ?? '';
    const [, id = '', code = ''] = /^([\da-f-]{36})\.([\w-]{43})$/.exec(value) ?? [];
    return id !== '' && this.#cipher.verify(id, code) ? id : undefined;
  }

  /** @param maxAge seconds. */
  set(reply: FastifyReply, id: string, maxAge: number): void {
    this.cookies.set(reply, this.#name, `${id}.${this.#cipher.sign(id)}`, maxAge);
  }
}
