import { type ChildCommand, type ChildRun, describeExit, runChild, terminate } from './child.process.js';
import type { LogLine } from './supervised.child.js';

const cycleMs = 600_000;
const stopLimitMs = 5000;

/** More arguments for one run. */
export type CleanupArguments = Readonly<Partial<Record<'kratos' | 'hydra', readonly string[]>>>;

/**
 * Removes what has expired from the databases of Kratos and Hydra, every ten minutes: neither does so by itself, and every flow that
 * anyone begins is a row.
 */
export class OryCleanup {
  readonly #commands: Readonly<Record<'kratos' | 'hydra', ChildCommand>>;
  readonly #log: LogLine;
  #timer: NodeJS.Timeout | undefined;
  #run: ChildRun | undefined;
  #isStopped = false;

  constructor(commands: Readonly<Record<'kratos' | 'hydra', ChildCommand>>, log: LogLine) {
    this.#commands = commands;
    this.#log = log;
  }

  /** Begins the cycle. */
  start(): void {
    this.#timer = setTimeout(() => void this.#cycle(), cycleMs).unref();
  }

  /** Does it once, one program after the other. @returns whether all of it was done; what failed is in the log. */
  async run(more: CleanupArguments = {}): Promise<boolean> {
    const first = await this.#remove('kratos', more.kratos);
    return (await this.#remove('hydra', more.hydra)) && first;
  }

  /** Ends the cycle, and what is under way. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    if (this.#run !== undefined) {
      await terminate(this.#run, stopLimitMs);
    }
  }

  async #cycle(): Promise<void> {
    await this.run();
    if (!this.#isStopped) {
      this.start();
    }
  }

  async #remove(name: 'kratos' | 'hydra', more: readonly string[] = []): Promise<boolean> {
    if (this.#isStopped) {
      return false;
    }
    const command = this.#commands[name];
    const run = runChild({ ...command, args: [...command.args, ...more] });
    this.#run = run;
    const exit = await run.exited;
    this.#run = undefined;
    if (exit.code !== 0 && !this.#isStopped) {
      this.#log(
        name,
        `what has expired could not be removed (${describeExit(exit)}): ${run.lastLines().at(-1) ?? ''}`,
      );
    }
    return exit.code === 0;
  }
}
