import { Inject, Injectable } from '@nestjs/common';
import {
  type CryptoKey,
  type JWK,
  calculateJwkThumbprint,
  exportJWK,
  generateKeyPair,
  importJWK,
} from 'jose';
import pLimit from 'p-limit';
import { z } from 'zod';
import { CONFIGURATION } from '../../../platform/config/config.module.js';
import type { Configuration } from '../../../platform/config/configuration.js';
import { PurposeCipher } from '../../../platform/crypto/purpose-cipher.js';
import type { FeatureKeys, ListedKey } from '../../../platform/features/command-line.js';
import { ReplicaChannel } from '../../../platform/pubsub/replica-channel.js';
import { Clock } from '../../../platform/time/clock.service.js';
import { PeriodicTask } from '../../../platform/time/periodic-task.js';
import { type SigningKey, SigningKeyRing } from '../../../session/tokens/signing-key-ring.js';
import type { SignalKeyRow } from '../signal.schema.js';
import { SignalKeyRepository } from './signal-key.repository.js';

/** The algorithm and the least size that the CAEP Interoperability Profile 1.0 demands (section 2.6). */
const alg = 'RS256';
const modulusLength = 2048;
/** Milliseconds between two readings of the keys. */
const interval = 5000;
/** Milliseconds for which a key is published before it signs. */
const lead = 3_600_000;
/** Milliseconds for which a key stays published after another has begun to sign: a receiver may verify an event late. */
const kept = 86_400_000;

const jwkSchema = z.looseObject({ kty: z.string() });

interface StoredKey {
  readonly generation: number;
  readonly kid: string;
  readonly publicJwk: JWK;
  /** Undefined if none of this process's secrets opens it. */
  readonly key: CryptoKey | undefined;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly signsFrom: number;
}

/**
 * The RSA keys that sign security events. The first is made with the first stream; from then on, one is replaced as often as a key of
 * tokens. A key that this process can't open counts as absent, and while there is none, the key of tokens signs.
 */
@Injectable()
export class SignalKeys extends PeriodicTask implements FeatureKeys {
  readonly #cipher: PurposeCipher;
  readonly #rotation: number;
  readonly #inTurn = pLimit(1);
  /** Newest first. */
  #keys: readonly StoredKey[] = [];
  #making: Promise<void> | undefined;
  #isMissed = false;

  constructor(
    private readonly repository: SignalKeyRepository,
    private readonly ring: SigningKeyRing,
    private readonly channel: ReplicaChannel,
    private readonly clock: Clock,
    @Inject(CONFIGURATION) { SECRETS, SIGNING_KEY_ROTATION }: Configuration,
  ) {
    super({
      every: interval,
      message: 'the keys of security events cannot be read or replaced',
      reason: 'signing_keys_unreadable',
    });
    this.#cipher = new PurposeCipher(SECRETS, 'signal-key');
    this.#rotation = SIGNING_KEY_ROTATION * 1000;
  }

  override async onModuleInit(): Promise<void> {
    await this.load();
    // What fails is repeated within seconds.
    const read = (): void => void this.load().catch(() => undefined);
    this.channel.subscribe('signing-keys', { onMessage: read, onReconnect: read });
    super.onModuleInit();
  }

  /** The key that signs now. */
  signing(): Pick<SigningKey, 'kid' | 'alg' | 'key'> {
    const now = this.clock.now();
    for (const { kid, key, signsFrom } of this.#keys) {
      if (key !== undefined && signsFrom <= now) {
        return { kid, alg, key };
      }
    }
    // Streams that are older than the first key have it made.
    this.#isMissed = true;
    return this.ring.signing();
  }

  /** The public halves of all keys, also of those that don't sign yet or any more. */
  published(): readonly JWK[] {
    return this.#keys.map(({ publicJwk }) => publicJwk);
  }

  /**
   * Ensures that there is a key. Without a stream, the first one signs at once. Otherwise it signs in an hour: during an update, a
   * replica of the version before doesn't publish it.
   */
  async ensure(): Promise<void> {
    if (this.#keys.length === 0) {
      this.#making ??= this.#makeFirst().finally(() => {
        this.#making = undefined;
      });
      await this.#making;
    }
  }

  /** Reads the keys. */
  async load(): Promise<void> {
    // One reading after the other: an earlier one that ends later knows fewer keys.
    await this.#inTurn(async () => {
      const rows = await this.repository.list();
      const known = new Map(this.#keys.map((key) => [key.kid, key]));
      this.#keys = await Promise.all(rows.map(async (row) => known.get(row.kid) ?? this.#open(row)));
    });
  }

  async list(): Promise<readonly ListedKey[]> {
    await this.load();
    const { kid: current } = this.signing();
    return this.#keys.map(({ kid, signsFrom }) => {
      const state = signsFrom > this.clock.now() ? 'next' : 'retired';
      return { kid, alg, state: kid === current ? 'current' : state, since: signsFrom };
    });
  }

  /** Replaces the key in an hour. */
  async rotate(): Promise<void> {
    await this.load();
    if (this.#keys.length > 0) {
      await this.#make(lead);
    }
  }

  /** Removes a key in an emergency; another one signs at once. */
  async revoke(kid: string): Promise<boolean> {
    await this.load();
    if (!this.#keys.some((key) => key.kid === kid)) {
      return false;
    }
    for (let isMade = false; !isMade;) {
      isMade = await this.#make(0);
    }
    await this.repository.remove([kid]);
    await this.load();
    this.channel.publish('signing-keys', {});
    return true;
  }

  protected override async run(): Promise<void> {
    await this.load();
    if (this.#isMissed) {
      await this.ensure();
    }
    const [newest] = this.#keys;
    if (newest !== undefined && this.#isDue(newest)) {
      await this.#make(lead);
    }
    const superseded = this.#keys.filter((_, index) => {
      const { signsFrom = Number.POSITIVE_INFINITY } = this.#keys[index - 1] ?? {};
      return signsFrom + kept <= this.clock.now();
    });
    if (superseded.length > 0) {
      await this.repository.remove(superseded.map(({ kid }) => kid));
    }
  }

  /** Whether the newest key has signed for long enough, or can't be opened: not at once then, because replicas with other secrets do likewise. */
  #isDue({ key, createdAt, signsFrom }: StoredKey): boolean {
    return (key === undefined ? createdAt + lead : signsFrom + this.#rotation) <= this.clock.now();
  }

  async #makeFirst(): Promise<void> {
    await this.load();
    if (this.#keys.length === 0) {
      await this.#make((await this.repository.hasStreams()) ? lead : 0);
    }
  }

  /** Makes the next key. @param delay milliseconds until it signs. @returns false if another process was faster. */
  async #make(delay: number): Promise<boolean> {
    const pair = await generateKeyPair(alg, { modulusLength, extractable: true });
    const publicJwk = await exportJWK(pair.publicKey);
    const now = this.clock.now();
    const isMade = await this.repository.add({
      generation: (this.#keys[0]?.generation ?? 0) + 1,
      kid: await calculateJwkThumbprint(publicJwk),
      public_jwk: JSON.stringify(publicJwk),
      private_jwk: this.#cipher.encrypt(JSON.stringify(await exportJWK(pair.privateKey))),
      created_at: now,
      signs_from: now + delay,
    });
    await this.load();
    this.channel.publish('signing-keys', {});
    return isMade;
  }

  async #open({ generation, kid, ...row }: SignalKeyRow): Promise<StoredKey> {
    const opened = this.#cipher.decrypt(row.private_jwk);
    const key = opened === undefined ? undefined : await importJWK(jwkSchema.parse(JSON.parse(opened)), alg);
    return {
      generation,
      kid,
      publicJwk: { ...jwkSchema.parse(JSON.parse(row.public_jwk)), kid, alg, use: 'sig' },
      key: key instanceof Uint8Array ? undefined : key,
      createdAt: row.created_at,
      signsFrom: row.signs_from,
    };
  }
}
