import { Injectable } from '@nestjs/common';
import { Problem } from '../errors/problem.error.js';
import { statusOf } from './vendor-call.js';
import { type CallDescription, type CallSpan, Telemetry, type UpstreamName } from '../telemetry/telemetry.js';

/** The part of `fetch` that clients use. */
export type Fetch = (url: string, options: RequestInit) => Promise<Response>;

type HttpUpstream = Exclude<UpstreamName, 'database'>;

/** Times and traces the gateway's calls to upstreams. */
@Injectable()
export class UpstreamCalls {
  constructor(private readonly telemetry: Telemetry) {}

  /** Makes an instance for programs that count and trace nothing. */
  static unobserved(): UpstreamCalls {
    return new UpstreamCalls(new Telemetry());
  }

  /** Begins a call. */
  begin(upstream: HttpUpstream, call: Omit<CallDescription, 'upstream'>): CallSpan {
    const startedAt = performance.now();
    const span = this.telemetry.tracing.begin({ upstream, ...call });
    return {
      headers: span.headers,
      end: (status) => {
        const isFailed = status === undefined || status >= 500;
        this.telemetry.recorder.called(upstream, performance.now() - startedAt, isFailed);
        span.end(status);
      },
    };
  }

  /** Wraps a vendor's API client: each method, which takes parameters and axios options, is observed as a call. */
  observed<T extends object>(upstream: HttpUpstream, api: T): T {
    return new Proxy(api, {
      get: (target, property) => {
        const method: unknown = Reflect.get(target, property, target);
        return typeof method !== 'function'
          ? method
          : (parameters: unknown, options: Readonly<Record<string, unknown>> = {}) =>
              this.#run(upstream, { operation: String(property) }, async (headers): Promise<unknown> =>
                Reflect.apply(method, target, [parameters, withHeaders(options, headers)]),
              );
      },
    });
  }

  /** A `fetch` whose calls are observed as calls to this upstream. @param call makes them. */
  fetch(upstream: HttpUpstream, call: Fetch = fetch): Fetch {
    return async (url, options) => {
      const method = options.method ?? 'GET';
      return this.#run(upstream, { operation: method, method }, async (own) => {
        const headers = new Headers(options.headers);
        for (const [name, value] of Object.entries(own)) {
          headers.set(name, value);
        }
        return call(url, { ...options, headers });
      });
    };
  }

  /** Observes a call made by a library that exposes neither its headers nor its answer. */
  async timed<T>(upstream: HttpUpstream, operation: string, act: () => Promise<T>): Promise<T> {
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
    this.telemetry.recorder.called('database', duration, isFailed);
    this.telemetry.tracing.noteStatement(text, duration, isFailed);
  }

  async #run<T>(
    upstream: HttpUpstream,
    description: Omit<CallDescription, 'upstream'>,
    act: (headers: Readonly<Record<string, string>>) => Promise<T>,
  ): Promise<T> {
    const call = this.begin(upstream, description);
    try {
      const answer = await act(call.headers);
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
