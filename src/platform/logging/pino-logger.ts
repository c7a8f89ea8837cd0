import { setTimeout as after } from 'node:timers/promises';
import type { LoggerService } from '@nestjs/common';
import { type DestinationStream, type Logger, type LoggerOptions, pino } from 'pino';

const flushMilliseconds = 1000;

/** Keys whose values are never logged, even if their object is. */
const redactedKeys = [
  'authorization',
  'cookie',
  'set-cookie',
  'password',
  'accessToken',
  'access_token',
  'idToken',
  'id_token',
  'refresh_token',
  'client_secret',
  'email',
  'SECRETS',
];

/** The process's logger: JSON lines, secrets removed at two levels. @param destination default standard output. */
export function createLogger(level: string, destination: DestinationStream = standardOutput()): Logger {
  const options: LoggerOptions = {
    level,
    base: null,
    timestamp: () => `,"time":"${isoTime()}"`,
    formatters: { level: (label) => ({ level: label }) },
    redact: { paths: redactedKeys.flatMap((key) => [`["${key}"]`, `*["${key}"]`]), censor: '[redacted]' },
    serializers: { err: (error: unknown) => serializeError(error) },
    hooks: { streamWrite: escapeControls },
  };
  return pino(options, destination);
}

/** Maximum milliseconds that a line waits. */
const longestWait = 200;
/** Bytes that are gathered before they are passed on; also the size that Docker reads at once. */
const chunkSize = 16_384;
/**
 * Maximum bytes of one write. A write completes in the next turn of the event loop at the earliest, and under load a turn has
 * lines for more than one chunk. With smaller writes, waiting lines would pile up, live long and be expensive to collect, until
 * lines are dropped (docs/adr/0015).
 */
const mostWritten = 1_048_576;

/**
 * Standard output, written in the background and in chunks, so that a stalled reader delays no request. If more than 16 MiB wait,
 * lines are dropped.
 */
function standardOutput(): DestinationStream {
  const stream = pino.destination({
    dest: process.stdout.fd,
    sync: false,
    contentMode: 'buffer',
    minLength: 4096,
    maxWrite: mostWritten,
    maxLength: 16_777_216,
  });
  // A full disk, or a terminal that is gone, mustn't end the process. Lines wait until there is room again; without a reader, they are lost.
  const flushSync = stream.flushSync.bind(stream);
  stream.on('error', () => {
    // It would try for ever, and hold up the end of the process.
    stream.flushSync = () => undefined;
  });
  stream.on('write', () => {
    stream.flushSync = flushSync;
  });
  return new LineBatch(stream);
}

/**
 * Gathers lines as bytes and passes many on as one, because sonic-boom and the kernel cost per write. Speed is its only purpose:
 * see docs/adr/0015 for the gain. Proved with sonic-boom 4.2.1.
 */
class LineBatch implements DestinationStream {
  #chunk = Buffer.allocUnsafe(chunkSize);
  /** Start of the bytes that wait in the chunk. The bytes before it belong to sonic-boom until it has written them. */
  #begin = 0;
  #end = 0;

  constructor(private readonly stream: ReturnType<typeof pino.destination>) {
    setInterval(() => this.flush(), longestWait).unref();
    // This listener runs after sonic-boom's own.
    process.on('exit', () => this.flushSync());
  }

  write(line: string): void {
    // UTF-8 takes at most three bytes for each unit of a string's length.
    const most = line.length * 3;
    if (most > this.#chunk.length - this.#end) {
      this.#handOver();
      this.#chunk = Buffer.allocUnsafe(Math.max(chunkSize, most));
      this.#begin = 0;
      this.#end = 0;
    }
    this.#end += this.#chunk.write(line, this.#end);
  }

  flush(done?: (error?: Error) => void): void {
    this.#handOver();
    this.stream.flush(done);
  }

  flushSync(): void {
    this.#handOver();
    this.stream.flushSync();
  }

  #handOver(): void {
    if (this.#end > this.#begin) {
      // With `contentMode: 'buffer'`, sonic-boom (4.2.1) takes bytes as well, but its types declare only texts.
      Reflect.apply(this.stream.write, this.stream, [this.#chunk.subarray(this.#begin, this.#end)]);
      this.#begin = this.#end;
    }
  }
}

/** Writes the waiting lines, for a process that is about to end; gives up after a second. */
export async function flushLogger(logger: Logger): Promise<void> {
  const flushed = new Promise<void>((resolve) => {
    logger.flush(() => resolve());
  });
  await Promise.race([flushed, after(flushMilliseconds, undefined, { ref: false })]);
}

const control = /[\u007F-\u009F\u2028\u2029]/;
const controls = new RegExp(control, 'g');

/**
 * Escapes characters that JSON permits unescaped: DEL and control characters beyond ASCII (one of them starts a terminal's escape
 * sequences), and two line separators.
 */
export function escapeControls(line: string): string {
  return control.test(line)
    ? line.replaceAll(controls, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
    : line;
}

let writtenAt = 0;
let written = '';

/** The time as in RFC 3339, in UTC, to the millisecond. It is formatted once for all lines of a millisecond. */
export function isoTime(): string {
  const now = Date.now();
  if (now !== writtenAt) {
    writtenAt = now;
    written = new Date(now).toISOString();
  }
  return written;
}

const deepestCause = 5;

/** Name, code, reason and stack of an error and its causes; never an HTTP client's request or response. */
function serializeError(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) {
    return { message: typeof error };
  }
  const extra = Object.fromEntries(
    ['code', 'reason', 'detail'].flatMap((key) => {
      const value: unknown = Reflect.get(error, key);
      return typeof value === 'string' ? [[key, value]] : [];
    }),
  );
  // A limit, because a chain of causes may be circular.
  const cause =
    error.cause === undefined || depth === deepestCause
      ? {}
      : { cause: serializeError(error.cause, depth + 1) };
  return { type: error.name, message: error.message, ...extra, stack: error.stack, ...cause };
}

/** Contexts of Nest's log about its own start: a line per module and route. main.ts reports a failed start readably. */
const frameworkContexts = new Set<unknown>([
  'NestFactory',
  'InstanceLoader',
  'RoutesResolver',
  'RouterExplorer',
  'NestApplication',
  'ExceptionHandler',
]);

type Level = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal';

/** Nest's own logging, and `new Logger(context)` anywhere, through pino. */
export class PinoLogger implements LoggerService {
  readonly log = this.#writer('info');
  readonly error = this.#writer('error');
  readonly warn = this.#writer('warn');
  readonly debug = this.#writer('debug');
  readonly verbose = this.#writer('trace');
  readonly fatal = this.#writer('fatal');
  readonly #pino: Logger;

  constructor(logger: Logger) {
    this.#pino = logger;
  }

  #writer(level: Level): (message: unknown, ...rest: readonly unknown[]) => void {
    return (message, ...rest) => {
      const isQuiet = (level === 'info' || level === 'error') && frameworkContexts.has(rest.at(-1));
      this.#write(isQuiet ? 'debug' : level, message, rest);
    };
  }

  #write(level: Level, message: unknown, rest: readonly unknown[]): void {
    const context = rest.findLast((entry) => typeof entry === 'string');
    const fields = rest.find((entry) => typeof entry === 'object' && entry !== null);
    if (message instanceof Error) {
      this.#pino[level]({ context, err: message }, message.message);
    } else if (typeof message === 'object') {
      this.#pino[level]({ context, ...message });
    } else {
      this.#pino[level]({ context, ...fields }, String(message));
    }
  }
}
