import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
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
import { SecretBox } from '../core/secret.box.js';
import { SigningKeyRepository } from './signing-key.repository.js';

const algorithm = 'ES256';
const jwkSchema = z.looseObject({ kty: z.string() });

/** A key that verifies, with its algorithm and public JWK. */
export interface VerificationKey {
  readonly kid: string;
  readonly alg: string;
  readonly publicJwk: JWK;
  readonly key: CryptoKey;
}

/** The key that signs. */
export interface SigningKey {
  readonly kid: string;
  readonly alg: string;
  readonly key: CryptoKey;
}

/** The stored keys can't be used with this deployment's secrets. The message says what to do. */
export class KeyRingError extends Error {
  override readonly name = 'KeyRingError';
}

/** The signing keys in memory, loaded (and the first one made) before the process listens. */
@Injectable()
export class SigningKeyRing implements OnModuleInit {
  readonly #repository: SigningKeyRepository;
  readonly #box: SecretBox;
  #verification: ReadonlyMap<string, VerificationKey> = new Map();
  #signing: SigningKey | undefined;

  constructor(repository: SigningKeyRepository, @Inject(CONFIGURATION) configuration: Configuration) {
    this.#repository = repository;
    this.#box = new SecretBox(configuration.SECRETS, 'signing-key');
  }

  async onModuleInit(): Promise<void> {
    if (!(await this.#load())) {
      await this.#create();
      await this.#load();
    }
  }

  /** The key that signs now. */
  signing(): SigningKey {
    if (this.#signing === undefined) {
      throw new KeyRingError('There is no current signing key.');
    }
    return this.#signing;
  }

  /** A verifying key by exact `kid`; unknown ids cost a map look-up and nothing else. */
  find(kid: string): VerificationKey | undefined {
    return this.#verification.get(kid);
  }

  /** The public keys as a JSON Web Key Set (RFC 7517 section 5). */
  jwks(): { keys: JWK[] } {
    return { keys: [...this.#verification.values()].map(({ publicJwk }) => publicJwk) };
  }

  /** @returns whether there is a current key. */
  async #load(): Promise<boolean> {
    const verification = new Map<string, VerificationKey>();
    for (const row of await this.#repository.list()) {
      const publicJwk: JWK = {
        ...jwkSchema.parse(JSON.parse(row.public_jwk)),
        kid: row.kid,
        alg: row.alg,
        use: 'sig',
      };
      verification.set(row.kid, { kid: row.kid, alg: row.alg, publicJwk, key: await importKey(publicJwk) });
      if (row.state === 'current') {
        const opened = await this.#box.open(row.private_jwk);
        if (opened === undefined) {
          throw new KeyRingError(
            'The signing key in the database was encrypted with a secret that SECRETS does not hold. Add the old secret behind the new one.',
          );
        }
        const key = await importKey({ ...jwkSchema.parse(JSON.parse(opened)), alg: row.alg });
        this.#signing = { kid: row.kid, alg: row.alg, key };
      }
    }
    this.#verification = verification;
    return this.#signing !== undefined;
  }

  async #create(): Promise<void> {
    const pair = await generateKeyPair(algorithm, { extractable: true });
    const publicJwk = await exportJWK(pair.publicKey);
    await this.#repository.addCurrent({
      kid: await calculateJwkThumbprint(publicJwk),
      alg: algorithm,
      public_jwk: JSON.stringify(publicJwk),
      private_jwk: await this.#box.seal(JSON.stringify(await exportJWK(pair.privateKey))),
    });
  }
}

async function importKey(jwk: JWK): Promise<CryptoKey> {
  const key = await importJWK(jwk, jwk.alg);
  if (key instanceof Uint8Array) {
    throw new KeyRingError('A symmetric key is stored where a key pair belongs.');
  }
  return key;
}
