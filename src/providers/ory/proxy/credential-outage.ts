import type { FastifyReply } from 'fastify';
import { type BulkheadPolicy, bulkhead } from 'cockatiel';
import { Problem } from '../../../platform/errors/problem.error.js';

/** Answers that wait until it is their turn to be asked again. One at a time is: strangers with wrong tokens add little to Ory's load. */
const longestLine = 16;
/** Milliseconds after Ory couldn't read its database in which answers beyond that line aren't believed. */
const doubt = 1000;

/**
 * Tells a session or token that has ended from one that Ory can't read, because its database is away: it answers 401 to both. Call it in an
 * `onSend` hook.
 */
export class CredentialOutage {
  readonly #turns: BulkheadPolicy = bulkhead(1, longestLine);
  /** The reading of the database that is under way. */
  #current: Promise<void> = Promise.resolve();
  /** The one that begins after it, for all who come meanwhile. */
  #next: Promise<void> | undefined;
  /** When the database couldn't be read. */
  #failedAt = Number.NEGATIVE_INFINITY;

  /** @param readDatabase a call that fails while Ory can't read it. */
  constructor(private readonly readDatabase: () => Promise<void>) {}

  /**
   * Confirms Ory's answer, if it's a refusal. In a flood of them, for which there is no time to ask about each, one reading of the database
   * confirms all that came before it.
   * @param isRefused asks Ory again whether it refuses the session or token.
   * @throws {Problem} `provider_unavailable` while the database can't be read, and if Ory refuses no longer: it's back.
   */
  async settle(
    { statusCode }: Pick<FastifyReply, 'statusCode'>,
    isRefused: () => Promise<boolean>,
  ): Promise<void> {
    if (statusCode !== 401) {
      return;
    }
    const isConfirmed = await this.#isConfirmed(isRefused).catch((cause: unknown) => {
      throw unreadable(cause);
    });
    if (!isConfirmed) {
      throw unreadable();
    }
  }

  async #isConfirmed(isRefused: () => Promise<boolean>): Promise<boolean> {
    await this.#read();
    return this.#turns.queueSlots > 0
      ? this.#turns.execute(isRefused)
      : performance.now() - this.#failedAt > doubt;
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
      this.#failedAt = performance.now();
      throw error;
    }
  }
}

function unreadable(cause?: unknown): Problem {
  const headers = { 'retry-after': '2' };
  return new Problem('provider_unavailable', { reason: 'ory_credential_unreadable', headers, cause });
}
