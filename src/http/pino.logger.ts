import { setTimeout as after } from 'node:timers/promises';
import type { LoggerService } from '@nestjs/common';
import { type DestinationStream, type Logger, type LoggerOptions, pino } from 'pino';

const flushMilliseconds = 1000;

/** What must not reach a log even when an object that holds it does. */
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

/**
 * The process's logger: JSON lines, secrets cut out at two levels of depth.
 * @param destination standard output when left out.
 */
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

/** Milliseconds that a line waits at most. */
const longestWait = 200;
/** Bytes that are gathered: what Docker reads at once, too. */
const chunkSize = 16_384;
/**
 * Bytes that are written at once where more of them wait. A write is answered in the next turn of the event loop at the soonest, and a turn
 * under load has lines for more than one chunk: what waits would grow, live long, and be collected dearly, until lines are dropped.
 */
const mostWritten = 1_048_576;

/**
 * Standard output, written in the background and by the page: a reader that stalls holds up no request. Beyond 16 MiB that wait,
 * lines are dropped.
 */
function standardOutput(): DestinationStream {
  return new LineBatch(
    pino.destination({
      dest: process.stdout.fd,
      sync: false,
      contentMode: 'buffer',
      minLength: 4096,
      maxWrite: mostWritten,
      maxLength: 16_777_216,
    }),
  );
}

/** Gathers lines as bytes, and hands many over as one: sonic-boom and the kernel cost by the piece. */
class LineBatch implements DestinationStream {
  readonly #stream: ReturnType<typeof pino.destination>;
  #chunk = Buffer.allocUnsafe(chunkSize);
  /** Of what waits in the chunk. What stood before it belongs to sonic-boom, until it has written it. */
  #begin = 0;
  #end = 0;

  constructor(stream: ReturnType<typeof pino.destination>) {
    this.#stream = stream;
    setInterval(() => this.flush(), longestWait).unref();
    // After sonic-boom's own listener.
    process.on('exit', () => this.flushSync());
  }

  write(line: string): void {
    // UTF-8 takes three bytes at most for what a string counts as one.
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
    this.#stream.flush(done);
  }

  flushSync(): void {
    this.#handOver();
    this.#stream.flushSync();
  }

  #handOver(): void {
    if (this.#end > this.#begin) {
      // Its types know texts alone.
      Reflect.apply(this.#stream.write, this.#stream, [this.#chunk.subarray(this.#begin, this.#end)]);
      this.#begin = this.#end;
    }
  }
}

/** Writes what waits, for a process that is about to end; gives up after a second. */
export async function flushLogger(logger: Logger): Promise<void> {
  const flushed = new Promise<void>((resolve) => {
    logger.flush(() => resolve());
  });
  await Promise.race([flushed, after(flushMilliseconds, undefined, { ref: false })]);
}

const control = /[\u007F-\u009F\u2028\u2029]/;
const controls = new RegExp(control, 'g');

/** JSON lets the controls beyond ASCII pass (one of them starts a terminal's escape sequences) and two line ends. */
export function escapeControls(line: string): string {
  return control.test(line)
    ? line.replaceAll(controls, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
    : line;
}

let writtenAt = 0;
let written = '';

/** The time as in RFC 3339, in UTC, to the millisecond. Written once for all lines of a millisecond. */
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
  // A bound, because a chain of causes may be a ring.
  const cause =
    error.cause === undefined || depth === deepestCause
      ? {}
      : { cause: serializeError(error.cause, depth + 1) };
  return { type: error.name, message: error.message, ...extra, stack: error.stack, ...cause };
}

/**
 * Nest's account of its own start: a line a module and route, of interest only when looked for. A start that fails is
 * told by main.ts, once and readably.
 */
const frameworkContexts = new Set<unknown>([
  'NestFactory',
  'InstanceLoader',
  'RoutesResolver',
  'RouterExplorer',
  'NestApplication',
  'ExceptionHandler',
]);

/** Nest's own logging, and `new Logger(context)` anywhere, through pino. */
export class PinoLogger implements LoggerService {
  readonly #pino: Logger;

  constructor(logger: Logger) {
    this.#pino = logger;
  }

  log(message: unknown, ...rest: readonly unknown[]): void {
    this.#write(frameworkContexts.has(rest.at(-1)) ? 'debug' : 'info', message, rest);
  }

  error(message: unknown, ...rest: readonly unknown[]): void {
    this.#write(frameworkContexts.has(rest.at(-1)) ? 'debug' : 'error', message, rest);
  }

  warn(message: unknown, ...rest: readonly unknown[]): void {
    this.#write('warn', message, rest);
  }

  debug(message: unknown, ...rest: readonly unknown[]): void {
    this.#write('debug', message, rest);
  }

  verbose(message: unknown, ...rest: readonly unknown[]): void {
    this.#write('trace', message, rest);
  }

  fatal(message: unknown, ...rest: readonly unknown[]): void {
    this.#write('fatal', message, rest);
  }

  #write(
    level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal',
    message: unknown,
    rest: readonly unknown[],
  ) {
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
