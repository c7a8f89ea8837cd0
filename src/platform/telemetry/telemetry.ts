import { Injectable } from '@nestjs/common';

/** The upstreams that the gateway calls: Kratos, Hydra, another OpenID provider, SQL. */
export type UpstreamName = 'kratos' | 'hydra' | 'provider' | 'database';

/** Port: counts what happens. This base class counts nothing. */
export class Recorder {
  /**
   * Counts the outcome of a guarded request's credential.
   * @param cache `hit` when the credential was known in memory, `miss` when it had to be decrypted, verified or looked up.
   */
  verified(
    _credential: 'cookie' | 'bearer' | 'api_key',
    _cache: 'hit' | 'miss',
    _result: 'ok' | 'refused',
  ): void {
    // Nothing is counted.
  }

  /** Counts a session cookie that was set. @param bytes with name and attributes. */
  cookieSet(_bytes: number): void {
    // Nothing is counted.
  }

  /** Counts a call to an upstream that has just ended. @param duration milliseconds. */
  called(_upstream: UpstreamName, _duration: number, _isFailed: boolean): void {
    // Nothing is counted.
  }
}

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

/** Port: traces calls to upstreams and SQL. This base class traces nothing. */
export class Tracing {
  /** Begins the span of a call within the current request. */
  begin(_call: CallDescription): CallSpan {
    return untraced;
  }

  /** Notes an SQL statement that has just ended. @param text without values. @param duration milliseconds. */
  noteStatement(_text: string, _duration: number, _isFailed: boolean): void {
    // Nothing is traced.
  }
}

/** Who counts and who traces: nobody, unless a feature has set its own when the gateway started. */
@Injectable()
export class Telemetry {
  recorder = new Recorder();
  tracing = new Tracing();
}
