import type { FastifyInstance } from 'fastify';

/** The span of a call to an upstream. */
export interface CallSpan {
  /** Headers for the upstream, so that its own spans join the trace (W3C Trace Context); empty if nothing is traced. */
  readonly headers: Readonly<Record<string, string>>;
  /** Ends the span. @param status HTTP status of the answer; undefined when there was none. */
  end(status: number | undefined): void;
}

/** Describes a call, by names of our own or of a route, never by a value. */
export interface CallDescription {
  readonly upstream: string;
  /** Name of the operation, such as `toSession` or `GET`. */
  readonly operation: string;
  readonly method?: string;
}

const untraced: CallSpan = { headers: {}, end: () => undefined };

/** Port: traces of requests, of calls to upstreams and of SQL. This base class traces nothing and costs nothing. */
export class Tracing {
  /** Whether spans are sent to a collector. */
  get isOn(): boolean {
    return false;
  }

  /** Begins the span of a call within the current request. */
  begin(_call: CallDescription): CallSpan {
    return untraced;
  }

  /** Notes an SQL statement that has just ended. @param text without values. @param duration milliseconds. */
  noteStatement(_text: string, _duration: number, _isFailed: boolean): void {
    // Nothing is traced.
  }

  /** Creates a span for each request of this server. */
  setUp(_fastify: FastifyInstance): void {
    // Nothing is traced.
  }
}
