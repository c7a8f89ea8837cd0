import { Inject, Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import {
  type CryptoKey,
  type JWK,
  calculateJwkThumbprint,
  exportJWK,
  generateKeyPair,
  importJWK,
} from 'jose';
import { z } from 'zod';
import { CONFIGURATION } from '../config/config.module.js';
import type { Configuration } from '../config/configuration.js';
import { Clock } from '../core/clock.service.js';
import { SecretBox } from '../core/secret.box.js';
import type { KeyState, SigningKeyRow } from '../database/database.schema.js';
import { clockAllowance } from './revocation.list.js';
import { type NewKey, SigningKeyRepository } from './signing-key.repository.js';

const jwkSchema = z.looseObject({ kty: z.string() });
/** Thumbprints (RFC 7638) as we make them: nothing else is worth a look into the database. */
const kidForm = /^[\w-]{43}$/;
const pollMilliseconds = 5000;
/** Least time between two readings for the sake of unknown keys. */
const learnMilliseconds = 250;

/** A key that verifies, with its algorithm and public JWK. */
export interface VerificationKey {
  readonly kid: string;
  readonly alg: string;
  readonly state: Exclude<KeyState, 'revoked'>;
  readonly publicJwk: JWK;
  readonly key: CryptoKey;
  /** Milliseconds since the epoch; null unless it's retired. */
  readonly retiredAt: number | null;
}

/** The key that signs. */
export interface SigningKey {
  readonly kid: string;
  readonly alg: string;
  readonly key: CryptoKey;
  /** Milliseconds since the epoch. */
  readonly activatedAt: number;
}

/** The stored keys can't be used with this deployment's secrets. The message says what to do. */
export class KeyRingError extends Error {
  override readonly name = 'KeyRingError';
}

/**
 * The signing keys in memory: loaded (and the first ones made) before the process listens, read again every few seconds and
 * when a token names one that isn't known yet.
 */
@Injectable()
export class SigningKeyRing implements OnModuleInit, OnModuleDestroy {
  readonly #logger = new Logger(SigningKeyRing.name);
  readonly #repository: SigningKeyRepository;
  readonly #clock: Clock;
  readonly #box: SecretBox;
  readonly #configuration: Configuration;
  #verification: ReadonlyMap<string, VerificationKey> = new Map();
  #signing: SigningKey | undefined;
  #timer: NodeJS.Timeout | undefined;
  #readAt = 0;
  #nextReading: Promise<void> | undefined;

  constructor(
    repository: SigningKeyRepository,
    clock: Clock,
    @Inject(CONFIGURATION) configuration: Configuration,
  ) {
    this.#repository = repository;
    this.#clock = clock;
    this.#configuration = configuration;
    this.#box = new SecretBox(configuration.SECRETS, 'signing-key');
  }

  async onModuleInit(): Promise<void> {
    await this.load();
    if (this.#signing === undefined) {
      await this.#repository.add(await this.#newKey(), 'current');
    }
    await this.ensureNext();
    this.#timer = setInterval(() => void this.refresh(), pollMilliseconds).unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.#timer);
  }

  /** The key that signs now. */
  signing(): SigningKey {
    if (this.#signing === undefined) {
      throw new KeyRingError('There is no current signing key.');
    }
    return this.#signing;
  }

  /** A verifying key by exact `kid`, from memory. */
  find(kid: string): VerificationKey | undefined {
    return this.#verification.get(kid);
  }

  /**
   * A verifying key that another replica may have made just now: the database is read, for all who ask at once and at most
   * four times a second.
   * @throws {Problem} `database_unavailable`
   */
  async learn(kid: string): Promise<VerificationKey | undefined> {
    if (kidForm.test(kid)) {
      await this.#readSoon();
    }
    return this.find(kid);
  }

  /**
   * The public keys as a JSON Web Key Set (RFC 7517 section 5): the next one before it signs, retired ones while a token
   * that they signed can be live.
   */
  jwks(): { keys: JWK[] } {
    const lifeOfTokens = this.#configuration.TOKEN_TTL * 1000 + clockAllowance;
    const now = this.#clock.now();
    const published = [...this.#verification.values()].filter(
      ({ retiredAt }) => retiredAt === null || now < retiredAt + lifeOfTokens,
    );
    return { keys: published.map(({ publicJwk }) => publicJwk) };
  }

  /** Sees to it that a key of the configured kind waits to be the next, and reads the keys. */
  async ensureNext(): Promise<void> {
    await this.load();
    const next = [...this.#verification.values()].find(({ state }) => state === 'next');
    if (next !== undefined && next.alg !== this.#configuration.SIGNING_ALGORITHM) {
      await this.#repository.removeNext(next.kid);
    }
    if (next?.alg !== this.#configuration.SIGNING_ALGORITHM) {
      await this.#repository.add(await this.#newKey(), 'next');
      await this.load();
    }
  }

  /** Reads the keys again, unless they can't be read now. Never throws. */
  async refresh(): Promise<void> {
    try {
      await this.load();
    } catch (error) {
      this.#logger.warn('signing keys cannot be read', { reason: 'signing_keys_unreadable', err: error });
    }
  }

  /** @throws {KeyRingError} when the keys can't be used, {Problem} `database_unavailable` when they can't be read. */
  async load(): Promise<void> {
    this.#readAt = performance.now();
    const verification = new Map<string, VerificationKey>();
    let signing: SigningKey | undefined;
    for (const row of await this.#repository.list()) {
      const { kid, alg, state } = row;
      if (state === 'revoked') {
        continue;
      }
      const publicJwk: JWK = { ...jwkSchema.parse(JSON.parse(row.public_jwk)), kid, alg, use: 'sig' };
      const key = this.#verification.get(kid)?.key ?? (await importKey(publicJwk));
      verification.set(kid, { kid, alg, state, publicJwk, key, retiredAt: row.retired_at });
      if (state === 'current') {
        signing =
          this.#signing?.kid === kid
            ? this.#signing
            : {
                kid,
                alg,
                key: await importKey({ ...this.#open(row), alg }),
                activatedAt: row.activated_at ?? row.created_at,
              };
      }
    }
    this.#verification = verification;
    this.#signing = signing;
  }

  /** Private halves that an older secret sealed are sealed with the first one, so that the older one can go. */
  async sealWithFirstSecret(): Promise<void> {
    for (const row of await this.#repository.list()) {
      if ((row.state === 'current' || row.state === 'next') && !this.#box.isSealedByFirst(row.private_jwk)) {
        await this.#repository.reseal(row, this.#box.seal(JSON.stringify(this.#open(row))));
      }
    }
  }

  async #readSoon(): Promise<void> {
    this.#nextReading ??= this.#readLater();
    return this.#nextReading;
  }

  /** Whoever asks while this waits is served by the same reading; once it has begun it may be too early for others. */
  async #readLater(): Promise<void> {
    const wait = this.#readAt + learnMilliseconds - performance.now();
    await new Promise((resolve) => {
      setTimeout(resolve, Math.max(0, wait));
    });
    this.#nextReading = undefined;
    await this.load();
  }

  #open(row: SigningKeyRow): z.output<typeof jwkSchema> {
    const opened = this.#box.open(row.private_jwk);
    if (opened === undefined) {
      throw new KeyRingError(
        'The signing key in the database was encrypted with a secret that SECRETS does not hold. Add the old secret behind the new one.',
      );
    }
    return jwkSchema.parse(JSON.parse(opened));
  }

  async #newKey(): Promise<NewKey> {
    const alg = this.#configuration.SIGNING_ALGORITHM;
    const pair = await generateKeyPair(alg, { extractable: true });
    const publicJwk = await exportJWK(pair.publicKey);
    return {
      kid: await calculateJwkThumbprint(publicJwk),
      alg,
      public_jwk: JSON.stringify(publicJwk),
      private_jwk: this.#box.seal(JSON.stringify(await exportJWK(pair.privateKey))),
    };
  }
}

async function importKey(jwk: JWK): Promise<CryptoKey> {
  const key = await importJWK(jwk, jwk.alg);
  if (key instanceof Uint8Array) {
    throw new KeyRingError('A symmetric key is stored where a key pair belongs.');
  }
  return key;
}
