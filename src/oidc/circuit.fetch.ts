import type { CustomFetch } from 'openid-client';
import type { Fetch } from '../upstreams/upstream.calls.js';
import type { CircuitBreaker } from '../core/circuit.breaker.js';
import { Problem } from '../core/problem.error.js';
import { wholeAnswer } from './whole.answer.js';

/**
 * A fetch that goes through an upstream's circuit and is over in time, its body too; for libraries that take one. While the circuit is
 * open it fails as fetch does.
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
      // Libraries know their own errors and fetch's; any other they would wrap.
      throw error instanceof Problem ? new TypeError('fetch failed', { cause: error }) : error;
    }
  };
}
