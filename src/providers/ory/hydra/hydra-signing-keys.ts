import { Inject, Injectable } from '@nestjs/common';
import { JwkApi } from '@ory/client';
import { exportJWK, generateKeyPair, importJWK } from 'jose';
import { z } from 'zod';
import { CONFIGURATION } from '../../../platform/config/config.module.js';
import type { OryConfiguration } from '../../../platform/config/configuration.js';
import { deriveCredential } from '../../../platform/crypto/purpose-cipher.js';
import { DatabaseLocks } from '../../../platform/database/database-locks.js';
import { statusOf, unavailable } from '../../../platform/upstream/vendor-call.js';
import { UpstreamCalls } from '../../../platform/upstream/upstream-calls.js';
import { isOfOry, oryApi } from '../ory-api.js';
import { firstSecret } from './hydra-clients.js';

/** Hydra's key sets that `/.well-known/jwks.json` publishes; Hydra generates a missing one when it's first requested. */
const keySets = ['hydra.openid.id-token', 'hydra.jwt.access-token'] as const;
/** Bits of an RSA key. */
const keyLength = 2048;

/** A key that Hydra signs with, as jose takes it. */
export interface SigningKey {
  readonly kid: string;
  readonly alg: string;
  readonly key: CryptoKey | Uint8Array;
}

const privateKeySchema = z.looseObject({ kid: z.string(), alg: z.string(), d: z.string() });
const keySetSchema = z.looseObject({ keys: z.array(z.unknown()).default([]) });

/**
 * Makes Hydra's signing keys before anyone can request them.
 *
 * By itself, Hydra makes a key set when it's first requested, once more for each concurrent request, with RSA keys of 4,096 bits: they take
 * seconds of a core to make, and 5 ms to sign an ID token (docs/adr/0048). Replicas that start at the same time take turns.
 */
@Injectable()
export class HydraSigningKeys {
  readonly #api: JwkApi;
  readonly #secret: Uint8Array;

  constructor(
    @Inject(CONFIGURATION) configuration: OryConfiguration,
    calls: UpstreamCalls,
    private readonly locks: DatabaseLocks,
  ) {
    this.#api = calls.observed('hydra', new JwkApi(oryApi(configuration.HYDRA_ADMIN_URL)));
    this.#secret = firstSecret(configuration);
  }

  /** Makes the keys that are missing; idempotent. @throws {Problem} `provider_unavailable` when it can't. */
  async ensure(): Promise<void> {
    for (const set of keySets) {
      try {
        if (!(await this.#has(set))) {
          await this.locks.run('hydra-keys', () => this.#makeUnlessMade(set));
        }
      } catch (error) {
        throw unavailable('hydra_keys_missing', error);
      }
    }
  }

  /** The key with which Hydra signs ID tokens and logout tokens. @throws {Problem} `provider_unavailable` */
  async idTokenKey(): Promise<SigningKey> {
    try {
      const { data } = await this.#api.getJsonWebKeySet({ set: keySets[0] });
      // The newest private one comes first, and Hydra signs with it.
      const [jwk] = keySetSchema
        .parse(data)
        .keys.flatMap((key) => privateKeySchema.safeParse(key).data ?? []);
      if (jwk === undefined) {
        throw new TypeError('the set has no private key');
      }
      return { kid: jwk.kid, alg: jwk.alg, key: await importJWK(jwk, jwk.alg) };
    } catch (error) {
      throw unavailable('hydra_key_unreadable', error);
    }
  }

  async #has(set: string): Promise<boolean> {
    try {
      const { data } = await this.#api.getJsonWebKeySet({ set });
      return keySetSchema.parse(data).keys.length > 0;
    } catch (error) {
      if (statusOf(error) === 404 && isOfOry(error)) {
        return false;
      }
      throw error;
    }
  }

  async #makeUnlessMade(set: string): Promise<void> {
    if (await this.#has(set)) {
      return;
    }
    const { privateKey } = await generateKeyPair('RS256', { modulusLength: keyLength, extractable: true });
    const kid = deriveCredential(this.#secret, `hydra-key/${set}`).slice(0, 32);
    const key = { ...(await exportJWK(privateKey)), kid, alg: 'RS256', use: 'sig', kty: 'RSA' };
    await this.#api.setJsonWebKeySet({ set, jsonWebKeySet: { keys: [key] } });
  }
}
