import { Injectable, Logger, type BeforeApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { AuditService } from '../../../directory/audit/audit.service.js';
import { Clock } from '../../../platform/time/clock.service.js';
import { HydraApplications } from '../../../providers/ory/hydra/hydra-applications.js';
import type { ApplicationLogoutRow } from '../application.schema.js';
import { ApplicationLogoutTokens } from './application-logout-tokens.js';
import { ApplicationLogoutRepository } from './application-logout.repository.js';
import { logoutEvents } from './logout-audit-events.js';

/** Milliseconds between two looks for logouts that are due. */
const interval = 5000;
/** Milliseconds that an application may take to answer. */
const timeout = 10_000;
/** Milliseconds for which a process has a logout to itself: longer than a delivery takes. */
const claim = 60_000;
/** Deliveries of one process at the same time: in all, and to one application. */
const [mostAtOnce, mostOfOne] = [40, 4];
/** Milliseconds before a failed delivery is repeated: first, and at most. */
const [firstPause, longestPause] = [1000, 3_600_000];
/** Statuses by which an application says that it has ended the session, or that it never will (section 2.8). */
const [received, refused] = [new Set([200, 204]), 400];

/**
 * Tells applications of logouts (OpenID Connect Back-Channel Logout 1.0), each from one process at a time. An application that doesn't answer
 * is told again, less and less often, for a day; one that is away doesn't delay the others.
 */
@Injectable()
export class ApplicationLogoutDeliveries implements OnModuleInit, BeforeApplicationShutdown {
  readonly #logger = new Logger(ApplicationLogoutDeliveries.name);
  /** By application, the deliveries under way. */
  readonly #underWay = new Map<string, Set<Promise<void>>>();
  readonly #closing = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  #mustLookAgain = false;

  constructor(
    private readonly repository: ApplicationLogoutRepository,
    private readonly applications: HydraApplications,
    private readonly tokens: ApplicationLogoutTokens,
    private readonly audit: AuditService,
    private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.#timer = setInterval(() => this.wake(), interval).unref();
  }

  async beforeApplicationShutdown(): Promise<void> {
    clearInterval(this.#timer);
    this.#closing.abort();
    await this.#looking;
    await Promise.all([...this.#underWay.values()].flatMap((deliveries) => [...deliveries]));
  }

  /** Looks for logouts that are due, at once or when the present look is over. */
  wake(): void {
    if (this.#looking !== undefined) {
      this.#mustLookAgain = true;
    } else if (!this.#closing.signal.aborted) {
      this.#mustLookAgain = false;
      this.#looking = this.#look().finally(() => {
        this.#looking = undefined;
        if (this.#mustLookAgain) {
          this.wake();
        }
      });
    }
  }

  /** Begins deliveries until as many are under way as may be, or none is due. Never throws. */
  async #look(): Promise<void> {
    try {
      for (let mayHaveMore = true; mayHaveMore && !this.#closing.signal.aborted;) {
        const busy = [...this.#underWay].filter(([, { size }]) => size >= mostOfOne).map(([id]) => id);
        const free = mostAtOnce - [...this.#underWay.values()].reduce((sum, { size }) => sum + size, 0);
        const due = free <= 0 ? [] : await this.repository.due(busy, free);
        for (const logout of due) {
          await this.#begin(logout);
        }
        mayHaveMore = due.length > 0;
      }
    } catch (error) {
      this.#logger.warn('logouts of applications cannot be read', {
        reason: 'application_logouts_unreadable',
        err: error,
      });
    }
  }

  async #begin(logout: ApplicationLogoutRow): Promise<void> {
    const { client_id: id } = logout;
    const ofThis = this.#underWay.get(id) ?? new Set();
    if (ofThis.size >= mostOfOne || !(await this.repository.claim(logout, this.clock.now() + claim))) {
      return;
    }
    const delivery = this.#deliver(logout).finally(() => {
      ofThis.delete(delivery);
      if (ofThis.size === 0) {
        this.#underWay.delete(id);
      }
      this.wake();
    });
    ofThis.add(delivery);
    this.#underWay.set(id, ofThis);
  }

  /** Tells an application of a logout once. Never throws. */
  async #deliver(logout: ApplicationLogoutRow): Promise<void> {
    const failures = logout.failures + 1;
    try {
      const application = await this.applications.find(logout.client_id);
      if (!application?.backchannelLogoutUri) {
        // It is gone, or isn't to be told any more.
        await this.repository.settle(logout, null, logout.failures);
        return;
      }
      const status = await this.#send(application.backchannelLogoutUri, await this.tokens.make(logout));
      if (received.has(status) || status === refused) {
        await this.#end(logout, status === refused ? 'logout_refused' : undefined);
        return;
      }
      throw new Error(`the application answered ${status}`);
    } catch (error) {
      if (!this.#closing.signal.aborted) {
        await this.#putOff(logout, failures, error);
      }
    }
  }

  async #send(url: string, token: string): Promise<number> {
    const answer = await fetch(url, {
      method: 'POST',
      body: new URLSearchParams({ logout_token: token }),
      redirect: 'manual',
      signal: AbortSignal.any([AbortSignal.timeout(timeout), this.#closing.signal]),
    });
    await answer.body?.cancel();
    return answer.status;
  }

  /** Repeats a failed delivery later, unless its time is over. Never throws. */
  async #putOff(logout: ApplicationLogoutRow, failures: number, cause: unknown): Promise<void> {
    this.#logger.warn('an application could not be told of a logout', {
      reason: 'application_logout_failed',
      client: logout.client_id,
      failures,
      err: cause,
    });
    try {
      const pause = Math.min(firstPause * 2 ** (failures - 1), longestPause);
      const next = this.clock.now() + pause;
      if (next >= logout.expires_at) {
        await this.#end(logout, 'logout_too_late');
      } else {
        await this.repository.settle(logout, next, failures);
      }
    } catch (error) {
      // The claim ends by itself.
      this.#logger.warn('a delivery cannot be recorded', {
        reason: 'application_logouts_unreadable',
        err: error,
      });
    }
  }

  /** Records how it ended. @param reason why the application has not ended the session; undefined if it has. */
  async #end(logout: ApplicationLogoutRow, reason?: string): Promise<void> {
    await this.repository.settle(logout, null, logout.failures);
    await this.audit.record({
      type: (reason === undefined ? logoutEvents.logout_delivered : logoutEvents.logout_undelivered).type,
      target: { kind: 'application', id: logout.client_id },
      actor: { id: null, credential: 'system' },
      outcome: reason === undefined ? 'success' : 'failure',
      reason,
    });
  }
}
