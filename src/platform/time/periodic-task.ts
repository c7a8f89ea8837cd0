import { Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';

/** An hour in milliseconds: how often what is old is removed. */
export const hour = 3_600_000;

/** How often a task is done, and what is logged when it fails. */
export interface PeriodicTaskOptions {
  /** Milliseconds from one time to the next. Default: an hour. */
  readonly every?: number;
  readonly message: string;
  readonly reason: string;
  /** Default: `warn`. */
  readonly level?: 'warn' | 'error';
}

/** A task that each replica does again and again while it runs. One that fails is logged, and done again at the next time. */
export abstract class PeriodicTask implements OnModuleInit, OnModuleDestroy {
  readonly #logger = new Logger(this.constructor.name);
  readonly #options: PeriodicTaskOptions;
  #timer: NodeJS.Timeout | undefined;
  #isOver = false;

  constructor(options: PeriodicTaskOptions) {
    this.#options = options;
  }

  /** Does it once. */
  protected abstract run(): Promise<unknown>;

  /** Whether the module is being destroyed: a long task ends early. */
  protected get isOver(): boolean {
    return this.#isOver;
  }

  onModuleInit(): void {
    this.#timer = setInterval(() => void this.#runQuietly(), this.#options.every ?? hour).unref();
  }

  onModuleDestroy(): void {
    this.#isOver = true;
    clearInterval(this.#timer);
  }

  async #runQuietly(): Promise<void> {
    try {
      await this.run();
    } catch (error) {
      const { message, reason, level = 'warn' } = this.#options;
      this.#logger[level](message, { reason, err: error });
    }
  }
}
