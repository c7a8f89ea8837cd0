import type { FastifyBaseLogger } from 'fastify';

type Bindings = Parameters<FastifyBaseLogger['child']>[0];
type ChildOptions = Parameters<FastifyBaseLogger['child']>[1];
type Line = Parameters<FastifyBaseLogger['info']>;

/**
 * The logger of one request: its lines carry the request's id. Most requests write none but the access line, so the child of
 * the process's logger is made when the first line is written.
 */
class RequestLogger implements FastifyBaseLogger {
  #child: FastifyBaseLogger | undefined;

  constructor(
    private readonly parent: FastifyBaseLogger,
    private readonly bindings: Bindings,
    private readonly options: ChildOptions,
  ) {}

  get level(): string {
    return this.#lines.level;
  }

  fatal(...line: Line): void {
    this.#lines.fatal(...line);
  }

  error(...line: Line): void {
    this.#lines.error(...line);
  }

  warn(...line: Line): void {
    this.#lines.warn(...line);
  }

  info(...line: Line): void {
    this.#lines.info(...line);
  }

  debug(...line: Line): void {
    this.#lines.debug(...line);
  }

  trace(...line: Line): void {
    this.#lines.trace(...line);
  }

  silent(...line: Line): void {
    this.#lines.silent(...line);
  }

  child(bindings: Bindings, options?: ChildOptions): FastifyBaseLogger {
    return this.#lines.child(bindings, options);
  }

  get #lines(): FastifyBaseLogger {
    this.#child ??= this.parent.child(this.bindings, this.options);
    return this.#child;
  }
}

/**
 * The logger for Fastify. Fastify requests a child of it once, with serializers of its own, and then one of that child for each
 * request. It is used instead of `setChildLoggerFactory`: with that, Fastify checks on each logger whether it has all its methods.
 */
export function serverLogger(logger: FastifyBaseLogger): FastifyBaseLogger {
  return withChildren(logger, (bindings, options) => {
    const server = logger.child(bindings, options);
    return withChildren(server, (own, more) => new RequestLogger(server, own, more));
  });
}

function withChildren(logger: FastifyBaseLogger, child: FastifyBaseLogger['child']): FastifyBaseLogger {
  return Object.assign(Object.create(logger), { child });
}
