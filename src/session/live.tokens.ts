import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { Clock } from '../core/clock.service.js';
import { Doorkeeper } from '../core/doorkeeper.js';
import { randomOf } from '../core/identifier.js';
import { Problem } from '../core/problem.error.js';
import { RecentDigests, copyOf, endOf } from '../core/recent.digests.js';
import type { Claims } from './claims.schema.js';
import type { OpenedToken } from './opened.token.js';
import { type Principal, userOf } from './principal.js';
import { RevocationList } from './revocation.list.js';
import { TokenService, type VerifiedToken } from './token.service.js';

/** Tokens that are remembered; beyond it the one that wasn't used for longest is forgotten, and verified anew when it comes again. */
const maximumRemembered = 100_000;
const sweepMilliseconds = 60_000;

/** A verified token whose session hasn't ended. */
export interface CheckedToken extends VerifiedToken {
  /** `stale` when what it says may have changed. */
  readonly verdict: 'live' | 'stale';
  /** Of the revocations that this verdict comes from. */
  readonly revision: number;
}

interface Remembered {
  readonly credential: 'cookie' | 'bearer';
  /** Of the whole credential. */
  readonly digest: string;
  readonly claims: Claims;
  readonly kid: string;
  /** Seconds since the epoch between which the token is good as it is. */
  readonly from: number;
  readonly until: number;
  /** Of the revocations, when they last had nothing against it. */
  revision: number;
}

/**
 * Verifies augmented tokens and remembers what was verified, so that the next request with the same credential costs no
 * cryptography. Remembered is who it is, with a digest of the credential and its end: neither cookie nor token is kept. What can change
 * after a verification is checked each time: times, revocations, and whether the key still verifies (docs/adr/0015).
 */
@Injectable()
export class LiveTokens implements OnModuleInit, OnModuleDestroy {
  readonly #tokens: TokenService;
  readonly #revocations: RevocationList;
  readonly #clock: Clock;
  readonly #digests: RecentDigests;
  readonly #doorkeeper = new Doorkeeper();
  readonly #remembered = new LRUCache<string, Remembered>({ max: maximumRemembered });
  #timer: NodeJS.Timeout | undefined;

  constructor(tokens: TokenService, revocations: RevocationList, clock: Clock, digests: RecentDigests) {
    this.#tokens = tokens;
    this.#revocations = revocations;
    this.#clock = clock;
    this.#digests = digests;
  }

  onModuleInit(): void {
    this.#timer = setInterval(() => this.#sweep(), sweepMilliseconds).unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.#timer);
  }

  /** How many tokens are remembered. */
  get size(): number {
    return this.#remembered.size;
  }

  /**
   * Who sends a credential that was verified before, while nothing speaks against it.
   * @param sent the sealed cookie, or the bearer.
   * @throws {Problem} `revocations_unknown`
   */
  recall(credential: 'cookie' | 'bearer', sent: string): Principal | undefined {
    const known = this.#remembered.get(endOf(sent));
    if (known === undefined || known.credential !== credential || known.digest !== this.#digests.of(sent)) {
      return undefined;
    }
    this.#revocations.requireFresh();
    const now = this.#clock.seconds();
    const isGood =
      known.from <= now && now < known.until && this.#tokens.isKeyGood(known.kid) && this.#isStillLive(known);
    return isGood ? makePrincipal(credential, known.claims) : undefined;
  }

  /**
   * Remembers a live token: a bearer to the end of its life; a cookie's until it's to be renewed, and only when it comes again, because
   * opening a cookie costs less than remembering it.
   * @param sent what it came in: the sealed cookie, or the bearer itself.
   */
  remember(
    credential: 'cookie' | 'bearer',
    sent: string,
    { claims, kid, revision }: CheckedToken,
  ): Principal {
    const principal = makePrincipal(credential, claims);
    if (credential === 'cookie' && !this.#doorkeeper.knows(randomOf(claims.jti))) {
      return principal;
    }
    const life = this.#tokens.lifeOf(claims);
    const until = credential === 'bearer' ? life.until : this.#tokens.renewableFrom(claims);
    const digest = this.#digests.of(sent);
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

  /** Whether a live token of a cookie should be replaced by a new one soon. */
  isNearEnd(claims: Claims): boolean {
    return this.#tokens.isNearEnd(claims);
  }

  /**
   * A bearer's token, unless its session has ended.
   * @throws {Problem} `unauthenticated`, `revocations_unknown`
   */
  async verify(token: string): Promise<CheckedToken> {
    return this.#check(await this.#tokens.verify(token));
  }

  /** The same for a token that our own cookie held. @returns at once, unless its key is not known yet. */
  verifyOpened(opened: OpenedToken): CheckedToken | Promise<CheckedToken> {
    const found = this.#tokens.verifyOpened(opened);
    return found instanceof Promise ? found.then((verified) => this.#check(verified)) : this.#check(found);
  }

  #check(verified: VerifiedToken): CheckedToken {
    this.#revocations.requireFresh();
    const { revision } = this.#revocations;
    const verdict = this.#revocations.verdict(verified.claims);
    if (verdict === 'ended') {
      throw new Problem('unauthenticated', { reason: 'session_ended' });
    }
    const { claims, expired, kid } = verified;
    return { claims, expired, kid, verdict, revision };
  }

  /** Nothing is looked up as long as nothing was revoked since the last time. */
  #isStillLive(known: Remembered): boolean {
    const { revision } = this.#revocations;
    if (known.revision !== revision) {
      if (this.#revocations.verdict(known.claims) !== 'live') {
        return false;
      }
      known.revision = revision;
    }
    return true;
  }

  #sweep(): void {
    const now = this.#clock.seconds();
    for (const [end, { until }] of this.#remembered.entries()) {
      if (until <= now) {
        this.#remembered.delete(end);
      }
    }
  }
}

/**
 * Made for each request and never kept: V8 gives what one place in the code makes room among the old when most of it lives on, and there
 * it would keep alive, from each request, all that it points to (docs/adr/0015).
 */
function makePrincipal(credential: 'cookie' | 'bearer', claims: Claims): Principal {
  return { user: userOf(claims), claims, credential };
}
