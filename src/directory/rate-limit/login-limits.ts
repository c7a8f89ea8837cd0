import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Clock } from '../../platform/time/clock.service.js';
import { DeviceCookie } from './device-cookie.js';
import { ForgottenAccounts } from './forgotten-accounts.js';
import { networkOf } from './limit-keys.js';
import { type Judge, type LimitCheck, RateLimits, addressCheck, judgeByStatus } from './rate-limits.js';

/** Seconds for which a network counts as known for an account that has logged in from there. */
const knownFor = 14 * 86_400;

/** Counts guesses of accounts' credentials, and remembers the networks and browsers from which an account has logged in. */
@Injectable()
export class LoginLimits {
  constructor(
    private readonly limits: RateLimits,
    private readonly devices: DeviceCookie,
    private readonly forgotten: ForgottenAccounts,
    private readonly clock: Clock,
  ) {}

  /**
   * Counts an attempt: by the caller's network, by each account with it, and by each account from everywhere.
   * @param find finds the accounts; asked only while the network's own limit isn't exceeded.
   * @returns whether all of them have logged in from this network or browser lately.
   * @throws {Problem} `rate_limited`
   */
  async take(
    reply: FastifyReply,
    find: () => Promise<readonly string[]>,
    judge: Judge = judgeByStatus,
  ): Promise<boolean> {
    const { request } = reply;
    let accounts: readonly string[] = [];
    let isKnown = false;
    const everywhere = async (account: string) => this.#everywhere(request, account);
    const checks = async function* () {
      yield addressCheck(request, 'login-address', 'return');
      accounts = await find();
      const onSuccess = accounts.length === 1 ? 'reset' : 'return';
      for (const account of accounts) {
        yield pairCheck(request, account, onSuccess);
      }
      const found = await Promise.all(accounts.map(everywhere));
      isKnown = found.length > 0 && found.every((each) => each.isKnown);
      yield* found.flatMap((each) => each.checks);
    };
    await this.limits.take(
      reply,
      checks(),
      this.#remembering(() => accounts, judge),
    );
    return isKnown;
  }

  /**
   * Counts an attempt that was taken by the account that its name stands for, too, before the password is tried. So an account with
   * several names has one count.
   * @throws {Problem} `rate_limited`
   */
  async takeReached(request: FastifyRequest, account: string): Promise<void> {
    const judge = this.#remembering(() => [account], judgeByStatus);
    const { checks } = await this.#everywhere(request, account);
    await this.limits.takeMore(request, [pairCheck(request, account, 'reset'), ...checks], judge);
  }

  /** How many more attempts at the account the caller's network has; undefined if they aren't counted. */
  async remaining(request: FastifyRequest, account: string): Promise<number | undefined> {
    return this.limits.remaining(request, 'login-pair', pairOf(request, account));
  }

  /** A judge of a login that begins now. If it succeeds for one account alone, the caller's network and browser become known for that. */
  #remembering(accounts: () => readonly string[], judge: Judge): Judge {
    const begunAt = this.clock.now();
    return async (answer) => {
      const outcome = await judge(answer);
      const [account, other] = accounts();
      if (outcome === 'success' && account !== undefined && other === undefined) {
        await this.remember(answer, account, begunAt);
      }
      return outcome;
    };
  }

  /**
   * The check of an account from everywhere. An attacker elsewhere can't lock owners out of networks and browsers from which they have
   * logged in: a known network has none, a known browser its own, because a cookie can be copied.
   */
  async #everywhere(
    request: FastifyRequest,
    account: string,
  ): Promise<{ readonly isKnown: boolean; readonly checks: readonly LimitCheck[] }> {
    const hashes = this.limits.hashes(account);
    const fact = await this.limits.recall(factOf(request, account));
    const isClaimed = fact !== undefined || this.devices.find(request, hashes, 0) !== undefined;
    const after = isClaimed ? await this.forgotten.since(hashes) : 0;
    if (fact !== undefined && Number(fact) >= after) {
      return { isKnown: true, checks: [] };
    }
    const device = this.devices.find(request, hashes, after);
    const key = device === undefined ? account : `device:${device} ${account}`;
    return {
      isKnown: device !== undefined,
      checks: [{ policy: 'login-account', key, onSuccess: 'return' }],
    };
  }

  /**
   * Makes the caller's network and browser known for an account.
   * @param begunAt milliseconds since the epoch: when the login began. One that was on its way when the account was forgotten doesn't
   * count.
   */
  async remember(reply: FastifyReply, account: string, begunAt = this.clock.now()): Promise<void> {
    this.devices.add(reply, this.limits.hashes(account), begunAt);
    await this.limits.remember(factOf(reply.request, account), String(begunAt), knownFor, account);
  }

  /**
   * Ends what is known of accounts: anyone who had their former credentials may have logged in from those networks and browsers. Call it
   * once those credentials aren't accepted any more.
   * @param isDone whether that can't be undone: then it never rejects, and is stored later if the database is away.
   */
  async forget(accounts: readonly string[], isDone = false): Promise<void> {
    const ids = accounts.map((account) => this.limits.hash(account));
    await (isDone ? this.forgotten.noteDone(ids) : this.forgotten.note(ids));
  }
}

/** The key by which something is counted together with the caller's network. */
export function pairOf(request: FastifyRequest, key: string): string {
  return `${networkOf(request.ip)} ${key}`;
}

function pairCheck(request: FastifyRequest, account: string, onSuccess: LimitCheck['onSuccess']): LimitCheck {
  return { policy: 'login-pair', key: pairOf(request, account), onSuccess };
}

/** The key of the fact that an account has logged in from the caller's network: when that login began. */
function factOf(request: FastifyRequest, account: string): string {
  return `known:${pairOf(request, account)}`;
}
