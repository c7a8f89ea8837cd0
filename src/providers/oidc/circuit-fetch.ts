import type { CustomFetch } from 'openid-client';
import type { Fetch } from '../../platform/upstream/upstream-calls.js';
import type { CircuitBreaker } from '../../platform/upstream/circuit-breaker.js';
import { Problem } from '../../platform/errors/problem.error.js';
import { wholeAnswer } from '../../platform/upstream/whole-answer.js';

/**
 * Makes a fetch, for libraries that accept one, that goes through an upstream's circuit. It has a deadline for the answer and its
 * body. While the circuit is open, it fails as fetch does.
 */
export function fetchThrough(breaker: CircuitBreaker, call: Fetch = fetch): CustomFetch {
  return async (url, { body, signal, ...options }) => {
    const sent = body instanceof Uint8Array ? Uint8Array.from(body) : (body ?? null);
    try {
      return await breaker.runInTime(async (deadline) => {
        const signals = signal === undefined ? deadline : AbortSignal.any([signal, deadline]);
        return wholeAnswer(await call(url, { ...options, body: sent, signal: signals }));
      });
    } catch (error) {
      // Libraries recognise their own errors and fetch's; they would wrap any other.
      throw error instanceof Problem ? new TypeError('fetch failed', { cause: error }) : error;
    }
  };
}
