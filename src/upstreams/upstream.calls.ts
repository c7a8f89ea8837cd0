import { Injectable } from '@nestjs/common';
import { Problem } from '../core/problem.error.js';
import { statusOf } from '../core/vendor.call.js';
import type { UpstreamName } from '../metrics/metric.catalogue.js';
import { Metrics } from '../metrics/metrics.js';
import { type CallDescription, Tracing } from '../tracing/tracing.js';

/** As much of `fetch` as clients use. */
export type Fetch = (url: string, options: RequestInit) => Promise<Response>;

/** A call that is under way. */
export interface ObservedCall {
  /** Headers to send with it. */
  readonly headers: Readonly<Record<string, string>>;
  /** Ends it. @param status of the answer; undefined when there was none. */
  end(status: number | undefined): void;
}

/** Times and traces what the gateway asks of others. */
@Injectable()
export class UpstreamCalls {
  readonly #metrics: Metrics;
  readonly #tracing: Tracing;

  constructor(metrics: Metrics, tracing: Tracing) {
    this.#metrics = metrics;
    this.#tracing = tracing;
  }

  /** For programs that nobody asks for metrics. */
  static unobserved(): UpstreamCalls {
    return new UpstreamCalls(new Metrics(), new Tracing());
  }

  /** Begins a call. */
  begin(upstream: Exclude<UpstreamName, 'database'>, call: Omit<CallDescription, 'upstream'>): ObservedCall {
    const startedAt = performance.now();
    const span = this.#tracing.begin({ upstream, ...call });
    return {
      headers: span.headers,
      end: (status) => {
        this.#count(upstream, performance.now() - startedAt, status === undefined || status >= 500);
        span.end(status);
      },
    };
  }

  /** The API of a vendor's client, each of whose methods is a call: they take their parameters, then options of axios. */
  observed<T extends object>(upstream: Exclude<UpstreamName, 'database'>, api: T): T {
    return new Proxy(api, {
      get: (target, property) => {
        const method: unknown = Reflect.get(target, property, target);
        return typeof method !== 'function'
          ? method
          : (parameters: unknown, options: Readonly<Record<string, unknown>> = {}) =>
              this.#run(upstream, String(property), (headers) =>
                Reflect.apply(method, target, [parameters, withHeaders(options, headers)]),
              );
      },
    });
  }

  /** `fetch` to this upstream. */
  fetch(upstream: Exclude<UpstreamName, 'database'>): Fetch {
    return async (url, options) => {
      const method = options.method ?? 'GET';
      const call = this.begin(upstream, { operation: method, method });
      try {
        const headers = new Headers(options.headers);
        for (const [name, value] of Object.entries(call.headers)) {
          headers.set(name, value);
        }
        const answer = await fetch(url, { ...options, headers });
        call.end(answer.status);
        return answer;
      } catch (error) {
        call.end(undefined);
        throw error;
      }
    };
  }

  /** A call that a library makes, which shows neither its headers nor its answer. */
  async timed<T>(
    upstream: Exclude<UpstreamName, 'database'>,
    operation: string,
    act: () => Promise<T>,
  ): Promise<T> {
    const call = this.begin(upstream, { operation });
    try {
      const outcome = await act();
      call.end(200);
      return outcome;
    } catch (error) {
      call.end(error instanceof Problem ? error.definition.status : undefined);
      throw error;
    }
  }

  /** Notes an SQL statement. @param text without values. @param duration milliseconds. */
  noteStatement(text: string, duration: number, isFailed: boolean): void {
    this.#count('database', duration, isFailed);
    this.#tracing.noteStatement(text, duration, isFailed);
  }

  /** @param duration milliseconds. */
  #count(upstream: UpstreamName, duration: number, isFailed: boolean): void {
    this.#metrics.upstreamDurations.of({ upstream }).observe(duration / 1000);
    if (isFailed) {
      this.#metrics.upstreamFailures.of({ upstream }).value += 1;
    }
  }

  async #run(
    upstream: Exclude<UpstreamName, 'database'>,
    operation: string,
    act: (headers: Readonly<Record<string, string>>) => unknown,
  ): Promise<unknown> {
    const call = this.begin(upstream, { operation });
    try {
      const answer: unknown = await act(call.headers);
      const status: unknown = Reflect.get(Object(answer), 'status');
      call.end(typeof status === 'number' ? status : undefined);
      return answer;
    } catch (error) {
      call.end(statusOf(error));
      throw error;
    }
  }
}

function withHeaders(
  options: Readonly<Record<string, unknown>>,
  headers: Readonly<Record<string, string>>,
): Readonly<Record<string, unknown>> {
  const own: unknown = options['headers'];
  return typeof own === 'object' ? { ...options, headers: { ...own, ...headers } } : { ...options, headers };
}
