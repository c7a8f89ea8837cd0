import { Inject, Injectable } from '@nestjs/common';
import { CONFIGURATION } from '../platform/config/config.module.js';
import type { Configuration } from '../platform/config/configuration.js';
import { PurposeCipher } from '../platform/crypto/purpose-cipher.js';

/**
 * The names that notices are about, in URLs: encrypted for the user who gets the notice, so that no link can choose what a page says,
 * and no log has the name.
 */
@Injectable()
export class NoticeSubjects {
  readonly #cipher: PurposeCipher;

  constructor(@Inject(CONFIGURATION) { SECRETS }: Configuration) {
    this.#cipher = new PurposeCipher(SECRETS, 'notice');
  }

  /** The value of `?about=`. */
  seal(userId: string, name: string): string {
    return this.#cipher.encrypt(`${userId} ${name}`);
  }

  /** The name in `?about=`; undefined if it isn't one that was made for this user. */
  open(userId: string, sealed: unknown): string | undefined {
    const text = typeof sealed === 'string' ? this.#cipher.decrypt(sealed) : undefined;
    return text?.startsWith(`${userId} `) === true ? text.slice(userId.length + 1) : undefined;
  }
}
