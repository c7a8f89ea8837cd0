import type { FastifyInstance } from 'fastify';

/** A call to an upstream that is under way. */
export interface CallSpan {
  /** What the upstream is told, so that its own spans join the trace (W3C Trace Context); empty when nothing is traced. */
  readonly headers: Readonly<Record<string, string>>;
  /** Ends the span. @param status HTTP status of the answer; undefined when there was none. */
  end(status: number | undefined): void;
}

/** What was called: names of our own or of a route, never a value. */
export interface CallDescription {
  readonly upstream: string;
  /** Method and what is asked for, such as `toSession` or `GET`. */
  readonly operation: string;
  readonly method?: string;
}

const untraced: CallSpan = { headers: {}, end: () => undefined };

/** Port: traces of requests, of calls to upstreams and of SQL. This one traces nothing and costs nothing. */
export class Tracing {
  /** Whether there is anywhere to send spans to. */
  get isOn(): boolean {
    return false;
  }

  /** Begins a call within the request that is being answered. */
  begin(_call: CallDescription): CallSpan {
    return untraced;
  }

  /**
   * Notes an SQL statement that has just ended.
   * @param text with placeholders, without values.
   * @param duration milliseconds.
   */
  noteStatement(_text: string, _duration: number, _isFailed: boolean): void {
    // Nothing is traced.
  }

  /** Makes each request of this server a span. */
  setUp(_fastify: FastifyInstance): void {
    // Nothing is traced.
  }
}
