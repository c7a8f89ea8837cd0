import { JwkApi, Configuration as OryClientConfiguration } from '@ory/client';
import { z } from 'zod';
import type { OryConfiguration } from '../config/configuration.js';
import { deriveCredential } from '../core/secret.box.js';
import { statusOf, unavailable, vendorRequestDefaults, vendorTarget } from '../core/vendor.call.js';
import type { UpstreamCalls } from '../upstreams/upstream.calls.js';

/** Hydra's key sets that `/.well-known/jwks.json` publishes; it makes those that are missing when they are first asked for. */
const keySets = ['hydra.openid.id-token', 'hydra.jwt.access-token'] as const;
/** Milliseconds that Hydra may take to make an RSA key of 4,096 bits on a busy machine. */
const generationTimeout = 30_000;

const keySetSchema = z.looseObject({ keys: z.array(z.unknown()).default([]) });

/**
 * Hydra's signing keys, made before anyone can ask for them.
 *
 * Left to itself Hydra makes a key set when it's first asked for, which takes seconds of a core, and makes it once more for
 * everyone who asks meanwhile. Here each first key has an id that follows from our secrets: replicas that start at the same
 * time ask for the same one, and Hydra stores it once.
 */
export class HydraSigningKeys {
  readonly #api: JwkApi;
  readonly #secret: Uint8Array;

  constructor({ HYDRA_ADMIN_URL, SECRETS }: OryConfiguration, calls: UpstreamCalls) {
    const [secret] = SECRETS;
    if (secret === undefined) {
      throw new RangeError('SECRETS is empty');
    }
    const { basePath, socketPath } = vendorTarget(HYDRA_ADMIN_URL);
    const baseOptions = { ...vendorRequestDefaults, socketPath };
    const admin = new OryClientConfiguration({ basePath, baseOptions });
    this.#api = calls.observed('hydra', new JwkApi(admin));
    this.#secret = secret;
  }

  /**
   * Has Hydra make the keys that it hasn't yet; idempotent.
   * @throws {Problem} `provider_unavailable` when it can't.
   */
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
      if (statusOf(error) === 404) {
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
