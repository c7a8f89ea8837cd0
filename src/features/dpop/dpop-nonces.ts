import { Inject, Injectable } from '@nestjs/common';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { Configuration } from '../../platform/config/configuration.js';
import { PurposeCipher } from '../../platform/crypto/purpose-cipher.js';
import { Clock } from '../../platform/time/clock.service.js';

/** Seconds for which the same nonce is given out. */
const period = 60;

/**
 * The nonces of proofs (RFC 9449 section 8): a proof that has one was made in the last two minutes. They follow from the time and `SECRETS`,
 * so that each replica knows those of the others, and nothing is stored.
 */
@Injectable()
export class DpopNonces {
  readonly #cipher: PurposeCipher;

  constructor(
    private readonly clock: Clock,
    @Inject(CONFIGURATION) { SECRETS }: Configuration,
  ) {
    this.#cipher = new PurposeCipher(SECRETS, 'dpop-nonce');
  }

  current(): string {
    return this.#cipher.sign(String(this.#period()));
  }

  /** Whether it is of this period or of the one before, or of the next: clocks of replicas differ. */
  isGood(nonce: string): boolean {
    const now = this.#period();
    return [now, now - 1, now + 1].some((time) => this.#cipher.verify(String(time), nonce));
  }

  #period(): number {
    return Math.floor(this.clock.seconds() / period);
  }
}
