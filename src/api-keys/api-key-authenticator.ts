import {
  Inject,
  Injectable,
  Logger,
  type OnModuleDestroy,
  type OnModuleInit,
  type BeforeApplicationShutdown,
} from '@nestjs/common';
import { CONFIGURATION } from '../platform/config/config.module.js';
import type { Configuration } from '../platform/config/configuration.js';
import { Clock } from '../platform/time/clock.service.js';
import { Problem } from '../platform/errors/problem.error.js';
import { RecentDigests } from '../platform/crypto/recent-digests.js';
import { isSameText } from '../platform/crypto/secret-text.js';
import { LazyCache } from '../platform/hot-path/lazy-cache.js';
import type { ApiKeyRow } from '../platform/database/database.schema.js';
import type { Claims } from '../session/tokens/claims.schema.js';
import {
  type AuthenticatedKey,
  KeyAuthenticator,
  apiKeyClientId,
} from '../session/guards/key-authenticator.js';
import { RevocationList } from '../session/revocation/revocation-list.js';
import { sessionlessClaims } from '../session/tokens/account-claims.js';
import type { Account } from '../directory/users/account.query.js';
import { UsersService } from '../directory/users/users.service.js';
import { type ParsedApiKey, parseApiKey } from './api-key-format.js';
import { ApiKeyRepository } from './api-key.repository.js';

/** Milliseconds for which a key's row is cached before SQL is read again; a revocation takes effect at once. */
const cacheMilliseconds = 60_000;
const maximumCached = 10_000;
const flushMilliseconds = 30_000;

interface CachedKey {
  readonly row: ApiKeyRow;
  readonly account: Account;
  /** The claims; their `jti` holds the time at which they were read. */
  readonly claims: Claims;
  readonly readAt: number;
}

/** A key as it was sent, after its secret was verified. */
interface Recognised {
  readonly id: string;
  readonly known: CachedKey;
  /** Revision of the revocations when none applied to the key: while it is unchanged, nothing is looked up. */
  readonly revision: number;
  readonly admitted: AuthenticatedKey;
}

/**
 * Authenticates API keys from memory. SQL is read when a key is used for the first time in a minute, or when its owner's data has
 * changed. A key that was revoked, here or on another replica, is ended by the same list as sessions are.
 */
@Injectable()
export class ApiKeyAuthenticator
  extends KeyAuthenticator
  implements OnModuleInit, OnModuleDestroy, BeforeApplicationShutdown
{
  readonly #logger = new Logger(ApiKeyAuthenticator.name);
  readonly #cache = new LazyCache<string, CachedKey>(maximumCached);
  /** Keyed by digests of whole keys. */
  readonly #recognised = new LazyCache<string, Recognised>(maximumCached);
  readonly #reading = new Map<string, Promise<CachedKey>>();
  #uses = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;

  readonly #configuration: Configuration;

  constructor(
    private readonly keys: ApiKeyRepository,
    private readonly users: UsersService,
    private readonly revocations: RevocationList,
    private readonly clock: Clock,
    private readonly digests: RecentDigests,
    @Inject(CONFIGURATION) configuration: Configuration,
  ) {
    super();
    this.#configuration = configuration;
  }

  override get size(): number {
    return this.#cache.size;
  }

  onModuleInit(): void {
    this.#timer = setInterval(() => void this.#flush(), flushMilliseconds).unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.#timer);
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.#flush();
  }

  override authenticate(key: string, { anew = false } = {}): AuthenticatedKey | Promise<AuthenticatedKey> {
    const digest = this.digests.of(key);
    const recognised = anew ? undefined : this.#recall(digest);
    if (recognised !== undefined) {
      return recognised;
    }
    const parsed = parseApiKey(key);
    if (parsed === undefined) {
      throw new Problem('unauthenticated', { reason: 'api_key_malformed' });
    }
    this.revocations.requireFresh();
    const known = anew ? undefined : this.#cache.get(parsed.id);
    return known !== undefined && this.#isGood(known)
      ? this.#admit(digest, parsed, known)
      : this.#readGood(parsed.id).then((found) => this.#admit(digest, parsed, found));
  }

  /** Reads a key. A shared reading may be older than the latest change: then it reads once more. */
  async #readGood(id: string): Promise<CachedKey> {
    const found = await this.#read(id);
    return this.#isGood(found) ? found : this.#read(id);
  }

  /** The subject of a key, if nothing can have changed since it was admitted. */
  #recall(digest: string): AuthenticatedKey | undefined {
    const found = this.#recognised.get(digest);
    if (found === undefined || found.revision !== this.revocations.revision) {
      return undefined;
    }
    this.revocations.requireFresh();
    const now = this.clock.now();
    const { id, known, admitted } = found;
    if (!isRecent(known, now) || isExpired(known.row, now)) {
      return undefined;
    }
    this.#uses.set(id, now);
    return admitted;
  }

  #admit(digest: string, { id, secretHash }: ParsedApiKey, known: CachedKey): AuthenticatedKey {
    const { row, account, claims } = known;
    // Read before any look-up: a revocation in the meantime has another revision.
    const { revision } = this.revocations;
    const now = this.clock.now();
    if (!isSameText(row.secret_hash, secretHash)) {
      throw new Problem('unauthenticated', { reason: 'api_key_wrong' });
    }
    if (row.revoked_at !== null || this.revocations.isEnded(id) || isExpired(row, now)) {
      throw new Problem('unauthenticated', { reason: 'api_key_over' });
    }
    this.#uses.set(id, now);
    const expiresAt = row.expires_at === null ? Number.POSITIVE_INFINITY : Math.floor(row.expires_at / 1000);
    const staysInOrg = orgOf(row) !== null;
    const admitted = { user: account.user, claims, expiresAt, staysInOrg };
    // Data that was read before a known change must not count as current at this revision.
    if (this.#isGood(known)) {
      this.#recognised.set(digest, { id, known, revision, admitted });
    }
    return admitted;
  }

  #isGood(known: CachedKey): boolean {
    return isRecent(known, this.clock.now()) && this.revocations.verdict(known.claims) !== 'outdated';
  }

  /** Reads a key; concurrent requests for one key share one reading. */
  async #read(id: string): Promise<CachedKey> {
    const running = this.#reading.get(id);
    if (running !== undefined) {
      return running;
    }
    const reading = this.#readOnce(id).finally(() => this.#reading.delete(id));
    this.#reading.set(id, reading);
    return reading;
  }

  async #readOnce(id: string): Promise<CachedKey> {
    const readAt = this.clock.now();
    const row = await this.keys.find(id);
    if (row === undefined) {
      throw new Problem('unauthenticated', { reason: 'api_key_unknown' });
    }
    const org = orgOf(row);
    const account = await this.users.requireAccount(row.user_id, org);
    if (org !== null && account.org?.id !== org) {
      // Its person or service account was removed from the key's organisation.
      throw new Problem('unauthenticated', { reason: 'api_key_out_of_org' });
    }
    const { vouched_org_id: vouching } = row;
    const refusal = vouching === null ? undefined : await this.users.vouchRefusal(row.user_id, vouching);
    if (refusal !== undefined) {
      // It was made with a login by that organisation's connection.
      throw new Problem('unauthenticated', { reason: refusal });
    }
    const subject = {
      account,
      sid: row.id,
      clientId: apiKeyClientId,
      amr: 'api_key',
      hasSecondFactor: row.second_factor === 1,
      scope: row.scope,
    } as const;
    const claims = sessionlessClaims(subject, this.#configuration, Math.floor(readAt / 1000));
    const found = { row, account, claims, readAt };
    this.#cache.set(id, found);
    return found;
  }

  async #flush(): Promise<void> {
    const uses = this.#uses;
    this.#uses = new Map();
    try {
      await this.keys.markUsed(uses);
    } catch (error) {
      this.#logger.warn('when API keys were used could not be noted', {
        reason: 'api_key_uses_lost',
        err: error,
      });
    }
  }
}

/** The only organisation that a key acts in; null if it acts in any organisation of its person. */
function orgOf({ org_id: owner, within_org_id: within }: ApiKeyRow): string | null {
  return owner ?? within;
}

/** Whether a key was read a moment ago, and no second factor has become due since. */
function isRecent({ readAt, claims: { second_factor: demand } }: CachedKey, now: number): boolean {
  const age = now - readAt;
  const isDue = demand !== undefined && demand.missing === undefined && now >= demand.due * 1000;
  return age >= 0 && age < cacheMilliseconds && !isDue;
}

function isExpired({ expires_at: expiresAt }: ApiKeyRow, now: number): boolean {
  return expiresAt !== null && expiresAt <= now;
}
