import { Inject, Injectable } from '@nestjs/common';
import { CONFIGURATION } from '../../../platform/config/config.module.js';
import type { Configuration } from '../../../platform/config/configuration.js';
import { PurposeCipher } from '../../../platform/crypto/purpose-cipher.js';
import { Clock } from '../../../platform/time/clock.service.js';

/** Seconds for which a question may be answered: ten, and as many as the clocks of two replicas may differ. */
const lifetime = 70;
/** A scheme that no browser follows: what comes after it is for the gateway alone. */
const scheme = 'vestibule-session:';

/**
 * Questions to Kratos whose session a browser has, also while a second factor is outstanding (docs/adr/0009). A question is a login
 * challenge. Kratos asks the gateway about it, as it would ask Hydra, and accepts it for the session's identity. It sends the browser where
 * the gateway then says: that redirect holds the answer. Both are sealed, so any replica can be asked, and nothing is stored.
 */
@Injectable()
export class SessionQuestions {
  readonly #challenges: PurposeCipher;
  readonly #answers: PurposeCipher;
  #hasAnswer = false;

  constructor(
    @Inject(CONFIGURATION) { SECRETS }: Pick<Configuration, 'SECRETS'>,
    private readonly clock: Clock,
  ) {
    this.#challenges = new PurposeCipher(SECRETS, 'session-question');
    this.#answers = new PurposeCipher(SECRETS, 'session-answer');
  }

  /** A new question: the login challenge to ask Kratos with. */
  begin(): string {
    return this.#challenges.encrypt(String(this.clock.now() + lifetime * 1000));
  }

  /** Whether this is a question of this deployment's that may still be answered. */
  isOpen(challenge: string): boolean {
    return Number(this.#challenges.decrypt(challenge) ?? 0) >= this.clock.now();
  }

  /** Where Kratos is to send the browser, for the gateway to read. @param subject id of the session's identity. */
  answer(challenge: string, subject: string): string {
    return scheme + this.#answers.encrypt(`${subject} ${challenge}`);
  }

  /** The subject in the answer to this question. @param target where Kratos sends the browser. */
  read(challenge: string, target: string): string | undefined {
    const sealed = target.startsWith(scheme) ? target.slice(scheme.length) : '';
    const [subject, asked] = this.#answers.decrypt(sealed)?.split(' ') ?? [];
    if (asked !== challenge) {
      return undefined;
    }
    this.#hasAnswer = true;
    return subject;
  }

  /** Whether Kratos was ever able to answer: then it has the setting, and silence is a fault. */
  get hasAnswer(): boolean {
    return this.#hasAnswer;
  }
}
