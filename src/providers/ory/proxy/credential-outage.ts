import { Problem } from '../../../platform/errors/problem.error.js';
import { FairQueue } from './fair-queue.js';

/** Answers that wait until it is their turn to be asked again. One at a time is: strangers with wrong tokens add little to Ory's load. */
const longest = 16;
/** Milliseconds that an answer waits for its own question, and then, or beyond that line, for another one. */
const timeout = 2000;
/** Milliseconds after Ory couldn't read its database in which answers beyond that line aren't believed. */
const doubt = 1000;

/** What is asked of an answer, and done to it. */
interface Answer {
  readonly statusCode: number;
  removeHeader(name: string): unknown;
}

/**
 * Tells a session or token that has ended from one that Ory can't read, because its database is away: it answers 401 to both. Call it in an
 * `onSend` hook.
 */
export class CredentialOutage {
  /** Fair between networks: however many wrong tokens come from one, others still have a question of their own. */
  readonly #line = new FairQueue({ atOnce: 1, longest, timeout });
  /** Told whether the next question confirms its answer. */
  #waiting: ((isConfirmed: boolean) => void)[] = [];
  /** The reading of the database that is under way. */
  #current: Promise<void> = Promise.resolve();
  /** The one that begins after it, for all who come meanwhile. */
  #next: Promise<void> | undefined;
  /** When the database couldn't be read, or an answer was contradicted. */
  #failedAt = Number.NEGATIVE_INFINITY;

  /**
   * @param readDatabase a call that fails while Ory can't read it.
   * @param now milliseconds of a clock that is never set.
   */
  constructor(
    private readonly readDatabase: () => Promise<void>,
    private readonly now = (): number => performance.now(),
  ) {}

  /**
   * Confirms Ory's answer, if it's a refusal. In a flood of them, for which there is no time to ask about each, one reading of the database
   * confirms all that came before it, unless another answer was just contradicted.
   * @param networks of the caller, the widest first.
   * @param isRefused asks Ory again whether it refuses the session or token.
   * @throws {Problem} `provider_unavailable` while the database can't be read, and if Ory refuses no longer: it's back.
   */
  async settle(
    answer: Answer,
    networks: readonly string[],
    isRefused: () => Promise<boolean>,
  ): Promise<void> {
    if (answer.statusCode !== 401) {
      return;
    }
    const refusedAt = this.now();
    let cause: unknown;
    const isConfirmed = await this.#isConfirmed(refusedAt, networks, isRefused).catch((error: unknown) => {
      cause = error;
      return false;
    });
    if (!isConfirmed) {
      // Hydra's challenge says that the token is wrong (RFC 6750 section 3).
      answer.removeHeader('www-authenticate');
      const headers = { 'retry-after': '2' };
      throw new Problem('provider_unavailable', { reason: 'ory_credential_unreadable', headers, cause });
    }
  }

  async #isConfirmed(
    refusedAt: number,
    networks: readonly string[],
    isRefused: () => Promise<boolean>,
  ): Promise<boolean> {
    await this.#read();
    const turn = this.#line.enter({ networks, isKnown: false }, new AbortController().signal);
    const leave = await turn.catch(() => undefined);
    if (leave !== undefined) {
      return this.#ask(isRefused).finally(leave);
    }
    return (await this.#isNextConfirmed()) && refusedAt - this.#failedAt > doubt;
  }

  async #ask(isRefused: () => Promise<boolean>): Promise<boolean> {
    const waiting = this.#waiting;
    this.#waiting = [];
    let isConfirmed = false;
    try {
      isConfirmed = await isRefused();
    } finally {
      if (!isConfirmed) {
        this.#failedAt = this.now();
      }
      waiting.forEach((tell) => tell(isConfirmed));
    }
    return isConfirmed;
  }

  /** Whether the next question that begins confirms its answer: the database may have come back after a refusal, before it was read. */
  async #isNextConfirmed(): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), timeout);
      this.#waiting.push((isConfirmed) => {
        clearTimeout(timer);
        resolve(isConfirmed);
      });
    });
  }

  /** Reads the database once for all who ask while the reading before is under way. */
  async #read(): Promise<void> {
    this.#next ??= this.#readAfter(this.#current);
    return this.#next;
  }

  async #readAfter(before: Promise<void>): Promise<void> {
    await before.catch(() => undefined);
    this.#current = this.#next ?? before;
    this.#next = undefined;
    try {
      await this.readDatabase();
    } catch (error) {
      this.#failedAt = this.now();
      throw error;
    }
  }
}
