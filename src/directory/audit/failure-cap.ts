import { LazyCache } from '../../platform/hot-path/lazy-cache.js';
import type { AuditEvent } from './audit-event.js';

const hour = 3_600_000;
/** Rows per hour for one kind of failure from one address. */
const fromOneAddress = 30;
/** Rows per hour for all failures together. */
const altogether = 300;
const rememberedKinds = 5000;

/**
 * Limits the rows that outsiders' failures create: anyone can send invalid tokens, and each row is kept for `AUDIT_RETENTION`.
 * Successes, and failures of a known user, always get a row.
 */
export class FailureCap {
  readonly #kinds = new LazyCache<string, number>(rememberedKinds);
  #hour = 0;
  #count = 0;

  /** Whether an event gets a row. @param now milliseconds since the epoch. */
  admits({ type, outcome, userId, reason, remoteAddress }: AuditEvent, now: number): boolean {
    if (outcome !== 'failure' || userId !== undefined) {
      return true;
    }
    const current = Math.floor(now / hour);
    if (current !== this.#hour) {
      this.#hour = current;
      this.#count = 0;
      this.#kinds.clear();
    }
    const kind = [type, reason, remoteAddress].join(' ');
    const count = this.#kinds.get(kind) ?? 0;
    if (count >= fromOneAddress || this.#count >= altogether) {
      return false;
    }
    this.#kinds.set(kind, count + 1);
    this.#count += 1;
    return true;
  }
}
