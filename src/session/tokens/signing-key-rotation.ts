import { Inject, Injectable } from '@nestjs/common';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { Configuration } from '../../platform/config/configuration.js';
import { KeyRingError } from '../../platform/errors/start-errors.js';
import { Clock } from '../../platform/time/clock.service.js';
import { PeriodicTask } from '../../platform/time/periodic-task.js';
import { ReplicaChannel } from '../../platform/pubsub/replica-channel.js';
import { clockAllowance } from '../revocation/revocation-list.js';
import { SigningKeyRepository } from './signing-key.repository.js';
import { SigningKeyRing } from './signing-key-ring.js';

const checkMilliseconds = 60_000;
/** How often a key is revoked whose successor other replicas use up meanwhile. */
const revocationAttempts = 5;

/** Replaces signing keys: on schedule, by command, and in an emergency. Any number of replicas may try at once. */
@Injectable()
export class SigningKeyRotation extends PeriodicTask {
  readonly #configuration: Configuration;

  constructor(
    private readonly repository: SigningKeyRepository,
    private readonly ring: SigningKeyRing,
    private readonly channel: ReplicaChannel,
    private readonly clock: Clock,
    @Inject(CONFIGURATION) configuration: Configuration,
  ) {
    super({
      every: checkMilliseconds,
      message: 'the signing keys could not be rotated',
      reason: 'key_rotation_failed',
      level: 'error',
    });
    this.#configuration = configuration;
  }

  override onModuleInit(): void {
    this.channel.subscribe('signing-keys', {
      onMessage: () => void this.ring.refresh(),
      onReconnect: () => void this.ring.refresh(),
    });
    super.onModuleInit();
  }

  /** Rotates when the current key has signed for long enough. @returns whether this call rotated. */
  async rotateWhenDue(): Promise<boolean> {
    const { activatedAt } = this.ring.signing();
    const isDue = this.clock.now() >= activatedAt + this.#configuration.SIGNING_KEY_ROTATION * 1000;
    return isDue && this.rotate();
  }

  /**
   * Makes the next key the signing key, and creates another next one; both are encrypted with the first of the secrets.
   * @returns false when another replica has just rotated.
   */
  async rotate(): Promise<boolean> {
    // The key that this process considers current: if many replicas want to replace it, only one does.
    const { kid } = this.ring.signing();
    await this.ring.ensureNext();
    const done = await this.repository.rotate(kid);
    await this.ring.ensureNext();
    await this.ring.sealWithFirstSecret();
    this.channel.publish('signing-keys', {});
    return done;
  }

  /**
   * Revokes a key in an emergency. Tokens that it signed are refused, here at once and elsewhere within seconds; sessions whose
   * tokens it signed must log in again.
   * @returns false when there is no such key or it was revoked before.
   * @throws {KeyRingError} when other replicas use up each successor of the current key.
   */
  async revoke(kid: string): Promise<boolean> {
    let outcome: Awaited<ReturnType<SigningKeyRepository['revoke']>> = 'no_successor';
    for (let attempt = 0; outcome === 'no_successor' && attempt < revocationAttempts; attempt += 1) {
      await this.ring.ensureNext();
      outcome = await this.repository.revoke(kid);
    }
    if (outcome === 'no_successor') {
      throw new KeyRingError('The current signing key has no successor.');
    }
    await this.ring.ensureNext();
    this.channel.publish('signing-keys', {});
    return outcome === 'revoked';
  }

  protected override async run(): Promise<void> {
    await this.rotateWhenDue();
    // An expired token can still renew its session, so its key is kept as long as one can be renewed.
    const sessionLife = this.#configuration.SESSION_IDLE_TTL * 1000;
    await this.repository.purge(this.clock.now() - sessionLife - clockAllowance);
  }
}
