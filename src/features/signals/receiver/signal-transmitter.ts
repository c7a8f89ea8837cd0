import { errors, type JWTVerifyGetKey } from 'jose';
import { z } from 'zod';
import { leadsToMetadata } from '../../../platform/air-gap/air-gap.check.js';
import { parseJson } from '../../../platform/config/json.parser.js';
import { isLoopbackHost } from '../../../platform/core/loopback.js';
import { inTime } from '../../../platform/time/deadline.js';
import { ProviderKeys } from '../../../platform/upstream/provider-keys.js';
import { unavailable, vendorTimeout } from '../../../platform/upstream/vendor-call.js';
import { wholeAnswer } from '../../../platform/upstream/whole-answer.js';

/** Milliseconds after a failed fetch of the metadata until the next one. */
const cooldown = 5000;

const metadataSchema = z.looseObject({
  issuer: z.string(),
  jwks_uri: z.string(),
  critical_subject_members: z.array(z.string()).default([]),
});

/** What a transmitter states about itself, and its keys. */
interface Discovered {
  readonly keys: ProviderKeys;
  /** Members of complex subjects without which an event must not be acted on (Shared Signals Framework 1.0 section 3.6). */
  readonly criticalMembers: readonly string[];
}

/**
 * A trusted transmitter, found by its metadata (Shared Signals Framework 1.0 section 7.2) when it is first needed. If that fails, it
 * is tried again at a later signal, but not within five seconds: anyone can send tokens that name it.
 */
export class SignalTransmitter {
  #discovery: Promise<Discovered> | undefined;
  /** Milliseconds on the monotonic clock. */
  #failedAt: number | undefined;

  constructor(readonly issuer: string) {}

  /**
   * Finds a key, for jose's verify functions. A key that isn't known is refused only after a fetch: a transmitter doesn't send again what
   * was refused, and must not lose a signal because it has just rotated its keys while others send made-up key ids.
   * @throws {Problem} `provider_unavailable` without metadata or keys.
   */
  readonly findKey: JWTVerifyGetKey = async (header, token) => {
    const { keys } = await this.#discovered();
    const began = performance.now();
    try {
      return await keys.find(header, token);
    } catch (error) {
      throw error instanceof errors.JWKSNoMatchingKey && keys.attemptedAt < began
        ? unavailable('transmitter_key_not_fetched')
        : error;
    }
  };

  /** Members of complex subjects that a receiver must understand. @throws {Problem} `provider_unavailable` without metadata. */
  async criticalMembers(): Promise<readonly string[]> {
    return (await this.#discovered()).criticalMembers;
  }

  async #discovered(): Promise<Discovered> {
    if (this.#failedAt !== undefined && performance.now() - this.#failedAt < cooldown) {
      throw unavailable('transmitter_unreachable');
    }
    this.#discovery ??= this.#discover().catch((error: unknown) => {
      this.#discovery = undefined;
      this.#failedAt = performance.now();
      throw unavailable('transmitter_unreachable', error);
    });
    return this.#discovery;
  }

  async #discover(): Promise<Discovered> {
    const answer = await inTime(vendorTimeout, async (signal) =>
      wholeAnswer(await fetch(metadataUrl(this.issuer), { signal, redirect: 'manual' })),
    );
    if (answer.status !== 200) {
      throw new Error(`the metadata is answered with ${answer.status}`);
    }
    const metadata = metadataSchema.parse(parseJson(await answer.text()));
    // Section 7.2.3: otherwise one transmitter could pass for another.
    if (metadata.issuer !== this.issuer) {
      throw new Error('the metadata is of another issuer');
    }
    await this.#requireSafe(metadata.jwks_uri);
    return {
      keys: new ProviderKeys(metadata.jwks_uri),
      criticalMembers: metadata.critical_subject_members,
    };
  }

  /** Requires an address that a document may make the gateway fetch: no metadata service, and plain http only on this machine. */
  async #requireSafe(jwksUri: string): Promise<void> {
    const { protocol, hostname } = new URL(jwksUri);
    const isLocal = isLoopbackHost(hostname) && this.issuer.startsWith('http:');
    if (protocol !== 'https:' && !(protocol === 'http:' && isLocal)) {
      throw new Error('the jwks_uri is not https');
    }
    if (await leadsToMetadata(hostname.replaceAll(/[[\]]/g, ''))) {
      throw new Error("the jwks_uri leads to a cloud's metadata service");
    }
  }
}

/** The address of an issuer's metadata: between host and path. */
function metadataUrl(issuer: string): string {
  const { origin, pathname } = new URL(issuer);
  return `${origin}/.well-known/ssf-configuration${pathname.replace(/\/+$/, '')}`;
}
