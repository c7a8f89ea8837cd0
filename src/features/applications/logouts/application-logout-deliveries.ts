import { Injectable, Logger, type BeforeApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { AuditService } from '../../../directory/audit/audit.service.js';
import { Clock } from '../../../platform/time/clock.service.js';
import { Problem } from '../../../platform/errors/problem.error.js';
import { applicationOf } from '../../../providers/ory/hydra/hydra-applications.js';
import { HydraClient } from '../../../providers/ory/hydra/hydra.client.js';
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
/** Milliseconds for which an application is told of a logout again and again. */
export const longestTrying = 86_400_000;
/** Milliseconds before a failed delivery is repeated: first, and at most. */
const [firstPause, longestPause] = [1000, 3_600_000];
/** Statuses by which an application says that it has ended the session, or couldn't (section 2.8). */
const [received, refused] = [new Set([200, 204]), 400];
/** The attempt from which on a refusal is final: an application also refuses while its database is away. */
const lastRefusal = 5;

/** What came of a delivery: the application was told, needn't be, won't be, or will be told again. */
type Outcome =
  | { readonly kind: 'delivered' }
  | { readonly kind: 'needless' }
  | { readonly kind: 'lost'; readonly reason: 'logout_refused' | 'logout_too_late' }
  | { readonly kind: 'failed'; readonly failures: number; readonly pause: number };

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
    private readonly hydra: HydraClient,
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
    if (ofThis.size >= mostOfOne) {
      return;
    }
    const claimed = await this.repository.claim(logout, this.clock.now() + claim);
    if (claimed === undefined) {
      return;
    }
    const delivery = this.#deliver(claimed).finally(() => {
      ofThis.delete(delivery);
      if (ofThis.size === 0) {
        this.#underWay.delete(id);
      }
      this.wake();
    });
    ofThis.add(delivery);
    this.#underWay.set(id, ofThis);
  }

  /** Tells an application of a logout once, and stores what came of it. Never throws. */
  async #deliver(logout: ApplicationLogoutRow): Promise<void> {
    const outcome = await this.#attempt(logout).catch((error: unknown) => this.#failed(logout, error));
    if (this.#closing.signal.aborted && outcome.kind === 'failed') {
      // The application may have received it or not. The claim ends by itself, and another process delivers it again.
      return;
    }
    try {
      await this.#settle(logout, outcome);
    } catch (error) {
      // The claim ends by itself.
      this.#logger.warn('a delivery cannot be recorded', {
        reason: 'application_logouts_unreadable',
        err: error,
      });
    }
  }

  async #attempt(logout: ApplicationLogoutRow): Promise<Outcome> {
    if (logout.expires_at <= this.clock.now()) {
      return { kind: 'lost', reason: 'logout_too_late' };
    }
    const client = await this.hydra.client(logout.client_id, 'introspection');
    const application = applicationOf(client);
    if (client !== undefined && application === undefined) {
      throw new Error('the registration cannot be read');
    }
    if (!application?.backchannelLogoutUri) {
      return { kind: 'needless' };
    }
    const token = await this.tokens.make(await this.#nameable(logout));
    const status = await this.#send(application.backchannelLogoutUri, token);
    if (received.has(status)) {
      return { kind: 'delivered' };
    }
    if (status === refused && logout.failures + 1 >= lastRefusal) {
      return { kind: 'lost', reason: 'logout_refused' };
    }
    throw new Error(`the application answered ${status}`);
  }

  /**
   * The logout without its user, if they have logged in again meanwhile: an application that no longer knows the session might end all of
   * the user's.
   */
  async #nameable(logout: ApplicationLogoutRow): Promise<ApplicationLogoutRow> {
    const { client_id: id, sid, subject, expires_at: until } = logout;
    const mayBeLate = sid !== null && subject !== null && logout.failures > 0;
    return mayBeLate && (await this.repository.hasLoggedInSince(id, subject, until - longestTrying))
      ? { ...logout, subject: null }
      : logout;
  }

  async #send(url: string, token: string): Promise<number> {
    const answer = await fetch(url, {
      method: 'POST',
      body: new URLSearchParams({ logout_token: token }),
      redirect: 'manual',
      signal: AbortSignal.any([AbortSignal.timeout(timeout), this.#closing.signal]),
    });
    await answer.body?.cancel().catch(() => {
      // The status is all that counts.
    });
    return answer.status;
  }

  #failed(logout: ApplicationLogoutRow, error: unknown): Outcome {
    if (error instanceof Problem) {
      // Hydra, or the database, is away: nothing was asked of the application.
      return { kind: 'failed', failures: logout.failures, pause: interval };
    }
    const failures = logout.failures + 1;
    if (!this.#closing.signal.aborted) {
      this.#logger.warn('an application could not be told of a logout', {
        reason: 'application_logout_failed',
        client: logout.client_id,
        failures,
        err: error,
      });
    }
    return { kind: 'failed', failures, pause: Math.min(firstPause * 2 ** (failures - 1), longestPause) };
  }

  async #settle(logout: ApplicationLogoutRow, outcome: Outcome): Promise<void> {
    if (outcome.kind === 'failed') {
      await this.repository.settle(logout, this.clock.now() + outcome.pause, outcome.failures);
      return;
    }
    await this.repository.settle(logout, null, logout.failures);
    if (outcome.kind === 'needless') {
      return;
    }
    const isDelivered = outcome.kind === 'delivered';
    await this.audit.record({
      type: (isDelivered ? logoutEvents.logout_delivered : logoutEvents.logout_undelivered).type,
      target: { kind: 'application', id: logout.client_id },
      actor: { id: null, credential: 'system' },
      outcome: isDelivered ? 'success' : 'failure',
      reason: isDelivered ? undefined : outcome.reason,
    });
  }
}
