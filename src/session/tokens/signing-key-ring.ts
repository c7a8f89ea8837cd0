import { KeyRingError } from '../../platform/errors/start-errors.js';
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
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { Configuration } from '../../platform/config/configuration.js';
import { Clock } from '../../platform/time/clock.service.js';
import { PurposeCipher } from '../../platform/crypto/purpose-cipher.js';
import type { KeyState, SigningKeyRow } from '../../platform/database/database.schema.js';
import { clockAllowance } from '../revocation/revocation-list.js';
import { type NewKey, SigningKeyRepository } from './signing-key.repository.js';

const jwkSchema = z.looseObject({ kty: z.string() });
/** The form of our thumbprints (RFC 7638): the database is read for no other `kid`. */
const kidForm = /^[\w-]{43}$/;
const pollMilliseconds = 5000;
/** Shortest time between two readings for unknown keys, in milliseconds. */
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

/**
 * The signing keys in memory. They are loaded (and the first ones created) before the process listens, and read again every few
 * seconds and when a token names a key that isn't known yet.
 */
@Injectable()
export class SigningKeyRing implements OnModuleInit, OnModuleDestroy {
  readonly #logger = new Logger(SigningKeyRing.name);
  readonly #cipher: PurposeCipher;
  #verification: ReadonlyMap<string, VerificationKey> = new Map();
  #signing: SigningKey | undefined;
  #timer: NodeJS.Timeout | undefined;
  #readAt = 0;
  #readings = 0;
  /** Number of the latest reading that has ended. */
  #latestReading = 0;
  #nextReading: Promise<void> | undefined;

  readonly #configuration: Configuration;

  constructor(
    private readonly repository: SigningKeyRepository,
    private readonly clock: Clock,
    @Inject(CONFIGURATION) configuration: Configuration,
  ) {
    this.#configuration = configuration;
    this.#cipher = new PurposeCipher(configuration.SECRETS, 'signing-key');
  }

  async onModuleInit(): Promise<void> {
    await this.load();
    if (this.#signing === undefined) {
      await this.repository.add(await this.#newKey(), 'current');
    }
    await this.ensureNext();
    this.#timer = setInterval(() => void this.refresh(), pollMilliseconds).unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.#timer);
  }

  /** The current signing key. */
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
   * Finds a verifying key that another replica may have created just now. It reads the database, once for all concurrent callers
   * and at most four times a second.
   * @throws {Problem} `database_unavailable`
   */
  async learn(kid: string): Promise<VerificationKey | undefined> {
    if (kidForm.test(kid)) {
      await this.#readSoon();
    }
    return this.find(kid);
  }

  /**
   * The public keys as a JSON Web Key Set (RFC 7517 section 5): the next one before it signs, and retired ones while a token that
   * they signed can be live.
   */
  jwks(): { keys: JWK[] } {
    const lifeOfTokens = this.#configuration.TOKEN_TTL * 1000 + clockAllowance;
    const now = this.clock.now();
    const published = [...this.#verification.values()].filter(
      ({ retiredAt }) => retiredAt === null || now < retiredAt + lifeOfTokens,
    );
    return { keys: published.map(({ publicJwk }) => publicJwk) };
  }

  /** Ensures that there is a next key of the configured kind, and reads the keys. */
  async ensureNext(): Promise<void> {
    await this.load();
    const next = [...this.#verification.values()].find(({ state }) => state === 'next');
    if (next !== undefined && next.alg !== this.#configuration.SIGNING_ALGORITHM) {
      await this.repository.removeNext(next.kid);
    }
    if (next?.alg !== this.#configuration.SIGNING_ALGORITHM) {
      await this.repository.add(await this.#newKey(), 'next');
      await this.load();
    }
  }

  /** Reads the keys again; keeps the known ones if they can't be read now. Never throws. */
  async refresh(): Promise<void> {
    try {
      await this.load();
    } catch (error) {
      this.#logger.warn('signing keys cannot be read', { reason: 'signing_keys_unreadable', err: error });
    }
  }

  /** Reads the keys. @throws {KeyRingError} when they can't be used, {Problem} `database_unavailable` when they can't be read. */
  async load(): Promise<void> {
    this.#readAt = performance.now();
    this.#readings += 1;
    const reading = this.#readings;
    const verification = new Map<string, VerificationKey>();
    let signing: SigningKey | undefined;
    for (const row of await this.repository.list()) {
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
    // An earlier reading that ends later knows fewer keys.
    if (reading > this.#latestReading) {
      this.#latestReading = reading;
      this.#verification = verification;
      this.#signing = signing;
    }
  }

  /** Encrypts private halves with the first secret if an older one encrypted them, so that the older secret can be removed. */
  async sealWithFirstSecret(): Promise<void> {
    for (const row of await this.repository.list()) {
      if (
        (row.state === 'current' || row.state === 'next') &&
        !this.#cipher.isSealedByFirst(row.private_jwk)
      ) {
        await this.repository.reseal(row, this.#cipher.encrypt(JSON.stringify(this.#open(row))));
      }
    }
  }

  async #readSoon(): Promise<void> {
    this.#nextReading ??= this.#readLater();
    return this.#nextReading;
  }

  /** Starts a reading that callers share while it waits; once it has begun, it may be too early for later callers. */
  async #readLater(): Promise<void> {
    const wait = this.#readAt + learnMilliseconds - performance.now();
    await new Promise((resolve) => {
      setTimeout(resolve, Math.max(0, wait));
    });
    this.#nextReading = undefined;
    await this.load();
  }

  #open(row: SigningKeyRow): z.output<typeof jwkSchema> {
    const opened = this.#cipher.decrypt(row.private_jwk);
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
      private_jwk: this.#cipher.encrypt(JSON.stringify(await exportJWK(pair.privateKey))),
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
