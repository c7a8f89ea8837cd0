import { z } from 'zod';
import type { OryConfiguration } from '../config/configuration.js';
import type { CircuitBreaker } from '../core/circuit.breaker.js';
import { Problem } from '../core/problem.error.js';
import { unavailable, vendorTimeout } from '../core/vendor.call.js';
import type { UpstreamCalls } from '../upstreams/upstream.calls.js';

const documentSchema = z.looseObject({ issuer: z.string() });

/** Hydra's metadata (OpenID Connect Discovery section 4), as applications that log in through it need it. */
export class HydraDiscovery {
  readonly #url: string;
  readonly #breaker: CircuitBreaker;
  readonly #calls: UpstreamCalls;

  constructor({ HYDRA_PUBLIC_URL }: OryConfiguration, breaker: CircuitBreaker, calls: UpstreamCalls) {
    this.#url = `${HYDRA_PUBLIC_URL}/.well-known/openid-configuration`;
    this.#breaker = breaker;
    this.#calls = calls;
  }

  /** @throws {Problem} `provider_unavailable` */
  async document(): Promise<Readonly<Record<string, unknown>>> {
    try {
      const answer = await this.#breaker.run(() =>
        this.#calls.fetch('hydra')(this.#url, {
          signal: AbortSignal.timeout(vendorTimeout),
          redirect: 'error',
        }),
      );
      return documentSchema.parse(await answer.json());
    } catch (error) {
      throw error instanceof Problem ? error : unavailable('hydra_undiscovered', error);
    }
  }
}
