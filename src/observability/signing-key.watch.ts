import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { CONFIGURATION } from '../config/config.module.js';
import type { Configuration } from '../config/configuration.js';
import { Clock } from '../core/clock.service.js';
import { Metrics } from '../metrics/metrics.js';
import { SigningKeyRing } from '../session/signing-key.ring.js';

/** Shows how old the signing key is. */
@Injectable()
export class SigningKeyWatch implements OnModuleInit {
  readonly #metrics: Metrics;
  readonly #keys: SigningKeyRing;
  readonly #clock: Clock;
  readonly #rotation: number;

  constructor(
    metrics: Metrics,
    keys: SigningKeyRing,
    clock: Clock,
    @Inject(CONFIGURATION) { SIGNING_KEY_ROTATION }: Configuration,
  ) {
    this.#metrics = metrics;
    this.#keys = keys;
    this.#clock = clock;
    this.#rotation = SIGNING_KEY_ROTATION;
  }

  onModuleInit(): void {
    this.#metrics.watch('vestibule_signing_key_age_seconds', {}, () =>
      Math.max(0, (this.#clock.now() - this.#keys.signing().activatedAt) / 1000),
    );
    this.#metrics.watch('vestibule_signing_key_rotation_seconds', {}, () => this.#rotation);
  }
}
