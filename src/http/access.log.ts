import { type DestinationStream, type Logger, symbols } from 'pino';
import { escapeControls, isoTime } from './pino.logger.js';

/** What an access line says; none of it is secret, and nothing has to be redacted. */
export interface AccessLine {
  /** Made by us, as `sid` is: nothing in it has to be escaped. */
  readonly reqId: string;
  /** One of those that Node's parser lets through, all of them letters and hyphens. */
  readonly method: string;
  /** Without query. */
  readonly path: string;
  readonly status: number;
  /** Milliseconds from the request's head to the end of its answer. */
  readonly ms: number;
  readonly remote: string;
  /** Of the session whose request it was. */
  readonly sid: string | undefined;
}

/**
 * Writes access lines where the process's logger writes, in its form. Neither by it nor as an object: a line whose fields are known
 * needs no look at levels, bindings, serializers and redaction, and there is one for each request (docs/adr/0015).
 */
export class AccessLog {
  readonly #logger: Logger;
  readonly #stream: DestinationStream;

  constructor(logger: Logger) {
    this.#logger = logger;
    this.#stream = streamOf(logger);
  }

  /** Whether lines of a level are written. */
  isOn(level: 'debug' | 'info'): boolean {
    return this.#logger.isLevelEnabled(level);
  }

  write(level: 'debug' | 'info', line: AccessLine): void {
    const { reqId, method, path, status, ms, remote, sid } = line;
    const session = sid === undefined ? '' : `,"sid":"${sid}"`;
    this.#stream.write(
      `{"level":"${level}","time":"${isoTime()}","reqId":"${reqId}","method":"${method}","path":${quoted(path)},"status":${status},"ms":${ms},"remote":${quoted(remote)}${session},"msg":"request"}\n`,
    );
  }
}

/** Printable ASCII but for the quotation mark and the backslash: the same in JSON as it is. */
const plain = /^[ !#-[\]-~]*$/;

/** Text as JSON, escaped as pino's lines are. */
function quoted(text: string): string {
  return plain.test(text) ? `"${text}"` : escapeControls(JSON.stringify(text));
}

function streamOf(logger: Logger): DestinationStream {
  const stream: unknown = Reflect.get(logger, symbols.streamSym);
  if (!isStream(stream)) {
    throw new TypeError('the logger has no stream');
  }
  return stream;
}

function isStream(value: unknown): value is DestinationStream {
  return typeof value === 'object' && value !== null && 'write' in value && typeof value.write === 'function';
}
