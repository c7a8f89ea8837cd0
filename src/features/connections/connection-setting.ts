import { Inject, Injectable } from '@nestjs/common';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { OryConfiguration } from '../../platform/config/configuration.js';
import { PurposeCipher } from '../../platform/crypto/purpose-cipher.js';

/** What the parts of this feature are made with: settings, and a cipher for each kind of secret that is stored. */
@Injectable()
export class ConnectionSetting {
  readonly publicUrl: string;
  /** Seconds for which a session lives that can't be confirmed. */
  readonly unconfirmedLife: number;
  /** Of refresh tokens. */
  readonly ofGrants: PurposeCipher;
  /** Of answers that were posted. */
  readonly ofAnswers: PurposeCipher;
  /** Of the secrets of organisations' connections. */
  readonly ofOrgs: PurposeCipher;

  readonly #configuration: OryConfiguration;

  constructor(@Inject(CONFIGURATION) configuration: OryConfiguration) {
    this.#configuration = configuration;
    const { PUBLIC_URL, SECRETS, SESSION_UNCONFIRMED_TTL } = configuration;
    this.publicUrl = PUBLIC_URL;
    this.unconfirmedLife = SESSION_UNCONFIRMED_TTL;
    this.ofGrants = new PurposeCipher(SECRETS, 'connection-grant');
    this.ofAnswers = new PurposeCipher(SECRETS, 'connection-answer');
    this.ofOrgs = new PurposeCipher(SECRETS, 'org-connection');
  }

  /** All settings: not shown where this instance is printed. */
  get configuration(): OryConfiguration {
    return this.#configuration;
  }
}
