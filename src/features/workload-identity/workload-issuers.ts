import { readFile } from 'node:fs/promises';
import { Inject, Injectable } from '@nestjs/common';
import { type JWTVerifyGetKey, createLocalJWKSet } from 'jose';
import { z } from 'zod';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { OryConfiguration } from '../../platform/config/configuration.js';
import { parseJson } from '../../platform/config/json.parser.js';
import type { SettingsOf } from '../../platform/features/feature.js';
import { Problem } from '../../platform/errors/problem.error.js';
import { Clock } from '../../platform/time/clock.service.js';
import { inTime } from '../../platform/time/deadline.js';
import { ChosenHosts } from '../../platform/upstream/chosen-hosts.js';
import { ProviderKeys } from '../../platform/upstream/provider-keys.js';
import { unavailable, vendorTimeout } from '../../platform/upstream/vendor-call.js';
import { workloadSettings } from './workload-identity.settings.js';

/** Milliseconds for which an issuer's metadata holds. */
const metadataHolds = 3_600_000;
/** Milliseconds for which an issuer whose metadata can't be read isn't asked again: invented tokens cause no more requests. */
const failureHolds = 5000;

const metadataSchema = z.looseObject({ issuer: z.string(), jwks_uri: z.url() });
/** A key of the file: a private one would let anyone who can read it be any workload. */
const keySchema = z
  .looseObject({ kty: z.string() })
  .refine((key) => !('d' in key || 'k' in key), { error: 'it is private: only public keys belong here' });
const keysSchema = z.record(z.string(), z.looseObject({ keys: z.array(keySchema) }));

interface FoundKeys {
  readonly keys: Promise<ProviderKeys>;
  until: number;
}

/** Where the keys of workloads' issuers come from: the issuer, by OpenID discovery, or the operator's file. */
@Injectable()
export class WorkloadIssuers {
  readonly #hosts: ChosenHosts;
  readonly #publicUrl: string;
  readonly #file: string | undefined;
  readonly #found = new Map<string, FoundKeys>();
  /** By the address of a key set: metadata that is read again leaves the keys as they are. */
  readonly #keys = new Map<string, ProviderKeys>();

  constructor(
    private readonly clock: Clock,
    @Inject(CONFIGURATION) configuration: OryConfiguration,
    @Inject(workloadSettings.token) { WORKLOAD_KEYS_FILE }: SettingsOf<typeof workloadSettings>,
  ) {
    this.#hosts = new ChosenHosts(configuration);
    this.#publicUrl = configuration.PUBLIC_URL;
    this.#file = WORKLOAD_KEYS_FILE;
  }

  async onModuleDestroy(): Promise<void> {
    await this.#hosts.onModuleDestroy();
  }

  /** Why no rule may name an issuer; undefined if one may. @throws {Problem} `provider_unavailable` if the file can't be read */
  async faultOf(issuer: string): Promise<string | undefined> {
    if (new URL(issuer).origin === this.#publicUrl) {
      return 'must not be the gateway itself';
    }
    if ((await this.#inFile(issuer)) !== undefined) {
      return undefined;
    }
    const fault = this.#hosts.faultOf(issuer);
    return fault === undefined ? undefined : `${fault}; or the operator gives its keys (WORKLOAD_KEYS_FILE)`;
  }

  /** Finds an issuer's keys, for jose's verify functions. @throws {Problem} `provider_unavailable` */
  async keysOf(issuer: string): Promise<JWTVerifyGetKey> {
    return (await this.#inFile(issuer)) ?? (await this.#fetched(issuer)).find;
  }

  async #inFile(issuer: string): Promise<JWTVerifyGetKey | undefined> {
    if (this.#file === undefined) {
      return undefined;
    }
    const sets = await readKeysFile(this.#file).catch((error: unknown) => {
      throw new Problem('provider_unavailable', {
        reason: 'workload_keys_file_unusable',
        detail: `WORKLOAD_KEYS_FILE can’t be used: ${faultOfKeysFile(error)}.`,
        cause: error,
      });
    });
    return sets.get(issuer);
  }

  async #fetched(issuer: string): Promise<ProviderKeys> {
    const now = this.clock.now();
    const known = this.#found.get(issuer);
    if (known !== undefined && now < known.until) {
      return known.keys;
    }
    const found: FoundKeys = { keys: this.#discover(issuer), until: now + metadataHolds };
    this.#found.set(issuer, found);
    found.keys.catch(() => {
      found.until = this.clock.now() + failureHolds;
    });
    return found.keys;
  }

  /** Reads an issuer's metadata (OpenID Connect Discovery section 4). */
  async #discover(issuer: string): Promise<ProviderKeys> {
    try {
      const answer = await inTime(vendorTimeout, async (signal) =>
        this.#hosts.fetch(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`, { signal }),
      );
      const metadata = metadataSchema.parse(
        answer.status === 200 ? parseJson(await answer.text()) : undefined,
      );
      // Section 4.3: exactly the issuer that was asked, or the keys of one would sign for another.
      if (metadata.issuer !== issuer) {
        throw new TypeError('the metadata is of another issuer');
      }
      const uri = metadata.jwks_uri;
      const keys = this.#keys.get(uri) ?? new ProviderKeys(uri, this.#hosts.fetch);
      this.#keys.set(uri, keys);
      return keys;
    } catch (error) {
      throw unavailable('workload_issuer_unreachable', error);
    }
  }
}

/** Why the operator's file can't be used, without what it holds. */
export function faultOfKeysFile(error: unknown): string {
  if (error instanceof z.ZodError) {
    const [issue] = error.issues;
    return `${issue?.path.join('.') || 'the whole'}: ${issue?.message ?? 'not a key set'}`;
  }
  const code = z.looseObject({ code: z.string() }).safeParse(error).data?.code;
  return error instanceof SyntaxError ? 'it is no JSON' : `it can’t be read (${code ?? 'unknown'})`;
}

/**
 * Reads the operator's file: the keys of each issuer.
 * @throws {Error} if it can't be read, or isn't in the form of such a file.
 */
export async function readKeysFile(path: string): Promise<ReadonlyMap<string, JWTVerifyGetKey>> {
  const sets = keysSchema.parse(JSON.parse(await readFile(path, 'utf8')));
  return new Map(
    Object.entries(sets).map(([issuer, { keys }]) => [
      issuer,
      createLocalJWKSet({
        // SPIFFE names the use of its keys by itself (JWT-SVID section 4).
        keys: keys.map((key) => (key['use'] === 'jwt-svid' ? { ...key, use: 'sig' } : key)),
      }),
    ]),
  );
}
