import { Inject, Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { Configuration } from '../../platform/config/configuration.js';
import { PurposeCipher } from '../../platform/crypto/purpose-cipher.js';
import { readSingleCookie } from '../../platform/http/cookie-reader.js';
import { CookieWriter } from '../../platform/http/cookie-writer.js';

/** Seconds for which it is kept. */
const lifetime = 600;
/** Maximum characters. */
const longest = 320;

/** Keeps the address that a user typed on the first page of a login for the next one, in an encrypted cookie: no URL may name it. */
@Injectable()
export class TypedAddress {
  readonly #cipher: PurposeCipher;
  readonly #name: string;

  constructor(
    private readonly cookies: CookieWriter,
    @Inject(CONFIGURATION) { SECRETS }: Configuration,
  ) {
    this.#cipher = new PurposeCipher(SECRETS, 'typed-address');
    this.#name = cookies.name('vestibule-address');
  }

  read(request: FastifyRequest): string | undefined {
    const sealed = readSingleCookie(request.headers.cookie, this.#name);
    return sealed === undefined ? undefined : this.#cipher.decrypt(sealed);
  }

  keep(reply: FastifyReply, address: string): void {
    this.cookies.set(reply, this.#name, this.#cipher.encrypt(address.slice(0, longest)), lifetime);
  }
}
