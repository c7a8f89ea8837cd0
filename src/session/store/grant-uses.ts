import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../../platform/time/clock.service.js';
import { unavailable } from '../../platform/upstream/vendor-call.js';

/** Milliseconds after which another replica may use a grant that this one took: more than the calls to a provider take, and than clocks differ. */
const longestUse = 90_000;
/** Milliseconds that a replica waits for another one's use, and between two looks. */
const longestWait = 10_000;
const betweenLooks = 50;
/** Milliseconds for which a provider's answer counts as current. */
const freshFor = 5_000;

/** The state of a session's grant. Times are milliseconds since the epoch. */
export interface GrantState {
  /** When the provider last accepted it. */
  readonly checked_at: number | null;
  /** Until when one replica uses it, and no other may. */
  readonly checking_until: number | null;
}

/** Where the grants of sessions are stored, encrypted. */
export interface GrantStore {
  /** The state of a session's grant; undefined once the session has ended. */
  stateOf(sessionId: string): Promise<GrantState | undefined>;
  /** Takes a grant for one use. @param until milliseconds. @returns whether it was free, and still this one. */
  take(sessionId: string, sealed: string, until: number): Promise<boolean>;
  /** Gives back a grant that was taken until then. @param isAccepted whether the provider has accepted it, or else couldn't say. */
  giveBack(sessionId: string, until: number, isAccepted: boolean): Promise<void>;
}

/** The outcome of a use: what it returned, or whether the session goes on after another request's use. */
export type GrantUse<T> =
  | { readonly by: 'this'; readonly result: T | undefined }
  | { readonly by: 'other'; readonly isLive: boolean };

/**
 * Uses of providers' refresh tokens. One may work only once, and a provider that sees it twice ends the session. So one request at a
 * time uses it, on whichever replica.
 */
export class GrantUses {
  constructor(
    private readonly store: GrantStore,
    private readonly clock: Pick<Clock, 'now'>,
  ) {}

  /**
   * Uses a grant, or waits for the request that is using it.
   * @param use returns undefined if the provider refuses the grant.
   * @throws {Problem} `provider_unavailable` if another request's use has no outcome; whatever `use` throws.
   */
  async run<T>(sessionId: string, sealed: string, use: () => Promise<T | undefined>): Promise<GrantUse<T>> {
    const until = this.clock.now() + longestUse;
    if (!(await this.store.take(sessionId, sealed, until))) {
      return { by: 'other', isLive: await this.#awaitOther(sessionId) };
    }
    let result: T | undefined;
    try {
      result = await use();
    } catch (error) {
      await this.store.giveBack(sessionId, until, false);
      throw error;
    }
    // A grant that was refused ends with its session: those who wait for it see that, and not a use without an outcome.
    if (result !== undefined) {
      await this.store.giveBack(sessionId, until, true);
    }
    return { by: 'this', result };
  }

  /** Waits until another request has used the grant. @returns whether the session goes on. */
  async #awaitOther(sessionId: string): Promise<boolean> {
    for (let waited = 0; waited < longestWait; waited += betweenLooks) {
      const state = await this.store.stateOf(sessionId);
      if (state === undefined) {
        return false;
      }
      if (isFresh(state.checked_at, this.clock.now())) {
        return true;
      }
      if (state.checking_until === null || state.checking_until < this.clock.now()) {
        break;
      }
      await delay(betweenLooks);
    }
    throw unavailable('session_not_confirmed');
  }
}

/** Whether an answer still counts as current: the steps of one login ask once. @param checkedAt milliseconds; null: never. */
export function isFresh(checkedAt: number | null, now: number): boolean {
  return checkedAt !== null && Math.abs(now - checkedAt) < freshFor;
}
