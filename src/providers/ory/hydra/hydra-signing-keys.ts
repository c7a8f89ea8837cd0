import { Inject, Injectable } from '@nestjs/common';
import { JwkApi } from '@ory/client';
import { z } from 'zod';
import { CONFIGURATION } from '../../../platform/config/config.module.js';
import type { OryConfiguration } from '../../../platform/config/configuration.js';
import { deriveCredential } from '../../../platform/crypto/purpose-cipher.js';
import { statusOf, unavailable } from '../../../platform/upstream/vendor-call.js';
import { UpstreamCalls } from '../../../platform/upstream/upstream-calls.js';
import { isOfOry, oryApi } from '../ory-api.js';
import { firstSecret } from './hydra-clients.js';

/** Hydra's key sets that `/.well-known/jwks.json` publishes; Hydra generates a missing one when it's first requested. */
const keySets = ['hydra.openid.id-token', 'hydra.jwt.access-token'] as const;
/** Milliseconds that Hydra may take to generate an RSA key of 4,096 bits on a busy machine. */
const generationTimeout = 30_000;

const keySetSchema = z.looseObject({ keys: z.array(z.unknown()).default([]) });

/**
 * Generates Hydra's signing keys before anyone can request them.
 *
 * By itself, Hydra generates a key set when it's first requested, which takes seconds of a core, and once more for each
 * concurrent request. Here, the id of each first key is derived from our secrets. So replicas that start at the same time request
 * the same key, and Hydra stores it once.
 */
@Injectable()
export class HydraSigningKeys {
  readonly #api: JwkApi;
  readonly #secret: Uint8Array;

  constructor(@Inject(CONFIGURATION) configuration: OryConfiguration, calls: UpstreamCalls) {
    this.#api = calls.observed('hydra', new JwkApi(oryApi(configuration.HYDRA_ADMIN_URL)));
    this.#secret = firstSecret(configuration);
  }

  /** Has Hydra generate the keys that are missing; idempotent. @throws {Problem} `provider_unavailable` when it can't. */
  async ensure(): Promise<void> {
    // One after the other: each takes a core for seconds.
    for (const set of keySets) {
      try {
        if (!(await this.#has(set))) {
          await this.#make(set);
        }
      } catch (error) {
        throw unavailable('hydra_keys_missing', error);
      }
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

  async #make(set: string): Promise<void> {
    const kid = deriveCredential(this.#secret, `hydra-key/${set}`).slice(0, 32);
    try {
      await this.#api.createJsonWebKeySet(
        { set, createJsonWebKeySet: { alg: 'RS256', kid, use: 'sig' } },
        { timeout: generationTimeout },
      );
    } catch (error) {
      // 409: another replica was faster.
      if (statusOf(error) !== 409) {
        throw error;
      }
    }
  }
}
