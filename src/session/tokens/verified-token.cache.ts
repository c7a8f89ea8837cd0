import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { Clock } from '../../platform/time/clock.service.js';
import { LazyCache } from '../../platform/hot-path/lazy-cache.js';
import { TinyLfuDoorkeeper } from '../../platform/hot-path/tiny-lfu-doorkeeper.js';
import { randomOf } from '../../platform/core/identifier.js';
import { Problem } from '../../platform/errors/problem.error.js';
import { RecentDigests, copyOf, endOf } from '../../platform/crypto/recent-digests.js';
import type { Claims } from './claims.schema.js';
import type { DecryptedCookie } from '../cookie/decrypted-cookie.js';
import { type Principal, userOf } from '../principal.js';
import { RevocationList } from '../revocation/revocation-list.js';
import { TokenService, type VerifiedToken } from './token.service.js';

/** Tokens that are cached at most. Beyond that, the least recently used one is dropped, and verified again when it comes back. */
const maximumRemembered = 100_000;
const sweepMilliseconds = 60_000;

/** A verified token whose session hasn't ended. */
export interface CheckedToken extends VerifiedToken {
  /** `outdated` if the token's claims may have changed. */
  readonly verdict: 'live' | 'outdated';
  /** Revision of the revocations that this verdict is based on. */
  readonly revision: number;
}

interface Remembered {
  readonly credential: 'cookie' | 'bearer';
  /** Digest of the whole credential. */
  readonly digest: string;
  readonly claims: Claims;
  readonly kid: string;
  /** Seconds since the epoch between which the token is valid as it is. */
  readonly from: number;
  readonly until: number;
  /** Revision of the revocations at the last check that found none for this token. */
  revision: number;
}

/**
 * Verifies augmented tokens and caches the result, so that the next request with the same credential needs no cryptography. The
 * cache holds the principal, a digest of the credential and its end, but neither cookie nor token. What can change after a
 * verification is checked each time: times, revocations, and whether the key still verifies (docs/adr/0015).
 */
@Injectable()
export class VerifiedTokenCache implements OnModuleInit, OnModuleDestroy {
  readonly #doorkeeper = new TinyLfuDoorkeeper();
  readonly #remembered = new LazyCache<string, Remembered>(maximumRemembered);
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly tokens: TokenService,
    private readonly revocations: RevocationList,
    private readonly clock: Clock,
    private readonly digests: RecentDigests,
  ) {}

  onModuleInit(): void {
    this.#timer = setInterval(() => this.#sweep(), sweepMilliseconds).unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.#timer);
  }

  /** The number of cached tokens. */
  get size(): number {
    return this.#remembered.size;
  }

  /**
   * The principal of a credential that was verified before, if still valid.
   * @param audience `TOKEN_AUDIENCE`, unless the credential is used at a host of applications: one of another host is unknown there.
   * @throws {Problem} `revocations_unknown`
   */
  get(credential: 'cookie' | 'bearer', sent: string, audience?: string): Principal | undefined {
    const known = this.#remembered.get(endOf(sent));
    if (known === undefined || known.credential !== credential || known.digest !== this.digests.of(sent)) {
      return undefined;
    }
    this.revocations.requireFresh();
    const now = this.clock.seconds();
    const isGood =
      known.from <= now &&
      now < known.until &&
      this.tokens.isFor(known.claims, audience) &&
      this.tokens.isKeyGood(known.kid) &&
      this.#isStillLive(known);
    return isGood ? makePrincipal(credential, known.claims) : undefined;
  }

  /**
   * Caches a live token. A bearer stays until it expires. A cookie's token stays until it is to be renewed, and is cached only when
   * it comes again, because decrypting a cookie costs less than caching it.
   * @param sent the credential it came in: the encrypted cookie, or the bearer itself.
   */
  set(credential: 'cookie' | 'bearer', sent: string, { claims, kid, revision }: CheckedToken): Principal {
    const principal = makePrincipal(credential, claims);
    if (credential === 'cookie' && !this.#doorkeeper.knows(randomOf(claims.jti))) {
      return principal;
    }
    const life = this.tokens.lifeOf(claims);
    const until = credential === 'bearer' ? life.until : this.tokens.renewableFrom(claims);
    const digest = this.digests.of(sent);
    this.#remembered.set(copyOf(endOf(sent)), {
      credential,
      digest,
      claims,
      kid,
      from: life.from,
      until,
      revision,
    });
    return principal;
  }

  /** Whether a cookie's live token should soon be replaced by a new one. */
  isNearEnd(claims: Claims): boolean {
    return this.tokens.isNearEnd(claims);
  }

  /** Verifies a bearer's live token. @param audience as {@link get} takes it. @throws {Problem} `unauthenticated`, `revocations_unknown` */
  async verify(token: string, audience?: string): Promise<CheckedToken> {
    return this.#check(await this.tokens.verify(token, audience));
  }

  /** The same for a token from our own cookie. @returns synchronously, unless its key is not known yet. */
  verifyOpened(opened: DecryptedCookie, audience?: string): CheckedToken | Promise<CheckedToken> {
    const found = this.tokens.verifyOpened(opened, audience);
    return found instanceof Promise ? found.then((verified) => this.#check(verified)) : this.#check(found);
  }

  #check(verified: VerifiedToken): CheckedToken {
    this.revocations.requireFresh();
    const { revision } = this.revocations;
    const verdict = this.revocations.verdict(verified.claims);
    if (verdict === 'ended') {
      throw new Problem('unauthenticated', { reason: 'session_ended' });
    }
    const { claims, expired, kid } = verified;
    return { claims, expired, kid, verdict, revision };
  }

  /** Whether a cached token is still live. There is no look-up if nothing was revoked since the last time. */
  #isStillLive(known: Remembered): boolean {
    const { revision } = this.revocations;
    if (known.revision !== revision) {
      if (this.revocations.verdict(known.claims) !== 'live') {
        return false;
      }
      known.revision = revision;
    }
    return true;
  }

  #sweep(): void {
    const now = this.clock.seconds();
    for (const [end, { until }] of this.#remembered.entries()) {
      if (until <= now) {
        this.#remembered.delete(end);
      }
    }
  }
}

/**
 * Makes a principal for each request; it is never kept. V8 allocates the objects of one place in the code in the old generation
 * when most of them live on. There, each would keep alive all that its request points to (docs/adr/0015).
 */
function makePrincipal(credential: 'cookie' | 'bearer', claims: Claims): Principal {
  return { user: userOf(claims), claims, credential };
}
