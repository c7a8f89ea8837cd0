import { z } from 'zod';
import { parseJson } from '../platform/config/json.parser.js';

const record = z.looseObject({
  level: z.string(),
  time: z.iso.datetime().optional(),
  msg: z.string(),
  context: z.string().optional(),
  reqId: z.string().optional(),
  reason: z.string().optional(),
  /** Of a finding: specifics of this deployment, and how to fix it. */
  detail: z.string().optional(),
  fix: z.string().optional(),
  method: z.string().optional(),
  path: z.string().optional(),
  status: z.number().optional(),
  ms: z.number().optional(),
  /** Id of the connection that it is about. */
  connection: z.string().optional(),
  err: z
    .looseObject({
      message: z.string(),
      stack: z.string().optional(),
      cause: z.looseObject({ message: z.string() }).optional(),
    })
    .optional(),
});

type Record = z.output<typeof record>;

/** Path of readiness probes: the launcher's until the gateway is ready, and those of monitoring later. */
const readiness = '/health/ready';
/** Maximum number of requests whose reason is kept until their access line. */
const mostReasons = 1000;

/**
 * Makes the gateway's JSON log readable in a terminal: one line per request, with the time and, if refused, the reason.
 * A request's other events are in the audit trail and, under `LOG_LEVEL=debug`, here.
 */
export class GatewayLog {
  readonly #reasons = new Map<string, string>();
  readonly #isVerbose: boolean;

  /** @param level the gateway's log level. */
  constructor(level: string) {
    this.#isVerbose = level === 'debug' || level === 'trace';
  }

  /** Makes one line readable; a line that isn't JSON stays as it is. @returns undefined for a line that isn't shown. */
  read(line: string): string | undefined {
    const { data } = record.safeParse(parseJson(line));
    if (data === undefined) {
      return line;
    }
    if (data.method !== undefined) {
      const text = `${clock(data)}${this.#requestText(data)}`;
      return data.path === readiness && !this.#isVerbose ? undefined : text;
    }
    const isNews = data.level !== 'info' || (data.reqId === undefined && data.context !== 'audit');
    if (!isNews && data.reqId !== undefined && data.reason !== undefined) {
      this.#remember(data.reqId, data.reason);
    }
    return isNews || this.#isVerbose ? `${clock(data)}${eventText(data)}` : undefined;
  }

  #requestText({ reqId = '', method, path, status, ms }: Record): string {
    const reason = this.#reasons.get(reqId);
    this.#reasons.delete(reqId);
    return `${method} ${path} ${status} (${ms} ms)${reason === undefined ? '' : ` ${reason}`}`;
  }

  #remember(reqId: string, reason: string): void {
    const [oldest] = this.#reasons.keys();
    if (this.#reasons.size >= mostReasons && oldest !== undefined) {
      this.#reasons.delete(oldest);
    }
    this.#reasons.set(reqId, reason);
  }
}

function eventText({ level, msg, reason, detail, fix, connection, err }: Record): string {
  const isSerious = level === 'error' || level === 'fatal';
  const known = [
    connection,
    reason,
    isSerious ? (err?.stack ?? err?.message) : err?.message,
    err?.cause?.message,
  ].filter((part) => part !== undefined);
  const what = [msg, detail].filter((part) => part !== undefined && part !== '').join(': ');
  const text = fix === undefined ? what : `${what}. ${fix}`;
  return `${level}: ${text}${known.length === 0 ? '' : ` (${known.join('; ')})`}`;
}

/** The time of day in the local time zone. */
function clock({ time }: Record): string {
  return time === undefined ? '' : `${new Date(time).toTimeString().slice(0, 8)} `;
}
