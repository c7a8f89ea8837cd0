import { setTimeout } from 'node:timers/promises';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { sessionSetBy } from './kratos.answer.js';
import { readSubmittedForm } from './submitted.form.js';

/** Forms for which Kratos computes a password hash. */
const hashing = /^\/self-service\/(?:login|registration)$/;
const login = '/self-service/login';
/** How many of the latest hashes are remembered. */
const remembered = 16;
/** Milliseconds for which the slowest of them counts, and later the fastest: what made one slow may be over. */
const current = 60_000;
/** Maximum milliseconds that a refused login is held back. */
const longestDelay = 2000;

/**
 * Keeps the answer's time from telling whether an address has an account. Kratos computes a hash only for accounts, and waits a
 * configured time for others, which fits one machine at one load. So a refused login is answered no sooner than the slowest of
 * the latest requests that certainly computed a hash: those that began a session. Requests that are sent at once make each other's
 * hashes slower, and that still tells them apart (docs/security.md).
 */
export class LoginPace {
  readonly #begun = new WeakMap<FastifyRequest, { readonly path: string; readonly at: number }>();
  /** Milliseconds that each took, and when it ended, in this order. */
  #latest: readonly { readonly taken: number; readonly at: number }[] = [];

  /** Call it when a request is about to be passed on. @param path after the prefix. */
  begin(request: FastifyRequest, path: string): void {
    if (request.method === 'POST' && hashing.test(path)) {
      this.#begun.set(request, { path, at: performance.now() });
    }
  }

  /** Call it when Kratos' answer has begun. Resolves when it may be passed on. */
  async settle(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const begun = this.#begun.get(request);
    if (begun === undefined) {
      return;
    }
    const now = performance.now();
    const taken = now - begun.at;
    if (sessionSetBy(reply) !== undefined) {
      const { fields } = await readSubmittedForm(request);
      // Other methods compute none.
      if (!fields.some(([name, value]) => name.toLowerCase() === 'method' && value === 'password')) {
        return;
      }
      this.#latest = [...this.#latest.slice(1 - remembered), { taken, at: now }];
    } else if (begun.path === login && taken < this.#usual(now)) {
      await setTimeout(Math.min(this.#usual(now) - taken, longestDelay));
    }
  }

  /** Milliseconds that a hash takes now, as far as is known. */
  #usual(now: number): number {
    const fastest = Math.min(...this.#latest.map(({ taken }) => taken));
    const recent = this.#latest.filter(({ at }) => now - at < current).map(({ taken }) => taken);
    return this.#latest.length === 0 ? 0 : Math.max(fastest, ...recent);
  }
}
