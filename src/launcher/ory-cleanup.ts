import type { OryName } from './binary-pins.js';
import { type ChildRun, describeExit, runChild, terminate } from './child-process.js';
import type { OryCommands } from './ory-programs.js';
import type { LogLine } from './supervised-child.js';

const cycleMs = 600_000;
const stopLimitMs = 5000;

/** Additional arguments for one run, by program. */
export type CleanupArguments = Readonly<Partial<Record<OryName, readonly string[]>>>;

/**
 * Removes expired rows from the databases of Kratos and Hydra every ten minutes. Neither does so by itself, and each flow that
 * anyone begins adds a row.
 */
export class OryCleanup {
  #timer: NodeJS.Timeout | undefined;
  #run: ChildRun | undefined;
  #isStopped = false;

  constructor(
    private readonly commands: OryCommands,
    private readonly log: LogLine,
  ) {}

  /** Starts the timer of the next run. */
  start(): void {
    this.#timer = setTimeout(() => void this.#cycle(), cycleMs).unref();
  }

  /** Runs the cleanup once, for one program after the other. @returns whether both succeeded; failures are logged. */
  async run(more: CleanupArguments = {}): Promise<boolean> {
    const first = await this.#remove('kratos', more.kratos);
    return (await this.#remove('hydra', more.hydra)) && first;
  }

  /** Stops the timer, and terminates a cleanup that is running. */
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

  async #remove(name: OryName, more: readonly string[] = []): Promise<boolean> {
    if (this.#isStopped) {
      return false;
    }
    const command = this.commands[name];
    const run = runChild({ ...command, args: [...command.args, ...more] });
    this.#run = run;
    const exit = await run.exited;
    this.#run = undefined;
    if (exit.code !== 0 && !this.#isStopped) {
      this.log(
        name,
        `what has expired could not be removed (${describeExit(exit)}): ${run.lastLines().at(-1) ?? ''}`,
      );
    }
    return exit.code === 0;
  }
}
