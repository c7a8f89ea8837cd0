import type { CustomFetch } from 'openid-client';
import type { Fetch } from '../upstreams/upstream.calls.js';
import type { CircuitBreaker } from '../core/circuit.breaker.js';
import { Problem } from '../core/problem.error.js';

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
        const answer = await call(url, { ...options, body: sent, signal: signals });
        return withBody(answer, await answer.arrayBuffer());
      });
    } catch (error) {
      // Libraries know their own errors and fetch's; any other they would wrap.
      throw error instanceof Problem ? new TypeError('fetch failed', { cause: error }) : error;
    }
  };
}

/** The same answer with its body read. */
function withBody({ status, statusText, headers }: Response, body: ArrayBuffer): Response {
  const isEmpty = body.byteLength === 0;
  return new Response(isEmpty ? null : body, { status, statusText, headers });
}
