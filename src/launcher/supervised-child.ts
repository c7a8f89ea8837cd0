import { rmSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { type ChildCommand, type ChildRun, describeExit, runChild, terminate } from './child-process.js';
import { LaunchError } from './launch.error.js';
import { type ReadinessProbe, waitUntilReady } from './readiness.probe.js';

/** A program to keep running. */
export interface SupervisedProgram extends ChildCommand {
  /** Prefix of its log lines. */
  readonly name: string;
  readonly probe: ReadinessProbe;
  /** A Unix socket that it listens on. A leftover from a killed process is removed before each start. */
  readonly socketPath?: string;
  /** How long the first start may take, in milliseconds. */
  readonly startLimitMs?: number;
  /** How long a stop may take before it is forced, in milliseconds. */
  readonly stopLimitMs?: number;
}

/** Takes one line of output; `source` is a program's name. */
export type LogLine = (source: string, line: string) => void;

/** A program that ended, or wasn't ready in time, during its first start. */
export class ChildStartError extends LaunchError {}

const firstPauseMs = 250;
const longestPauseMs = 10_000;
const healthyAfterMs = 30_000;

/**
 * Keeps one program running. The first start must succeed. After that, the program is restarted whenever it ends unasked.
 * The pause before a restart doubles from 0.25 to 10 seconds, until the program has been ready for 30 seconds.
 */
export class SupervisedChild {
  #run: ChildRun | undefined;
  /** Output of a first start that is in progress: logged when it succeeds; the error's message quotes its end when it fails. */
  #hold: string[] | undefined;
  #ends = 0;
  #isReleased = false;
  /** Aborted by a stop; undefined while nothing should run. */
  #wanted: AbortController | undefined;

  readonly #program: SupervisedProgram;

  constructor(
    program: SupervisedProgram,
    private readonly log: LogLine,
  ) {
    this.#program = program;
  }

  /** The process id of the program itself; undefined while it isn't running. */
  get pid(): number | undefined {
    return this.#run === undefined || this.#run.hasExited() ? undefined : this.#run.pid;
  }

  /**
   * Starts the program and resolves when it is ready.
   * @throws {ChildStartError} if it ends or takes too long before that. Nothing is left running then.
   */
  async start(): Promise<void> {
    const { name, probe, startLimitMs = 30_000 } = this.#program;
    const wanted = new AbortController();
    this.#wanted = wanted;
    this.#ends = 0;
    const held: string[] = [];
    this.#hold = held;
    const run = this.#spawn();
    const limit = AbortSignal.timeout(startLimitMs);
    const ended = endOf(run);
    if (await waitUntilReady(probe, AbortSignal.any([wanted.signal, limit, ended]))) {
      this.#hold = undefined;
      held.forEach((line) => this.log(name, line));
      void this.#supervise(run, wanted.signal);
      return;
    }
    const exit = run.hasExited() ? await run.exited : undefined;
    await this.stop();
    const problem =
      exit === undefined
        ? wanted.signal.aborted && !limit.aborted
          ? 'was stopped before it was ready'
          : `was not ready after ${startLimitMs / 1000} s`
        : `ended with ${describeExit(exit)} before it was ready`;
    const lines = run.lastLines().map((line) => `  ${line}`);
    throw new ChildStartError([`${name} ${problem}. Its last lines:`, ...lines].join('\n'), {
      exitCode: exit?.code || 1,
    });
  }

  /** Lets a program go on that is held, and each of its later runs. */
  release(): void {
    this.#isReleased = true;
    this.#run?.release();
  }

  /** Sends a signal to the process. If that ends it, it is restarted. */
  kill(signal: NodeJS.Signals): void {
    this.#run?.kill(signal);
  }

  /** Stops the program without a restart, and kills it if it takes too long. */
  async stop(): Promise<void> {
    this.#wanted?.abort();
    this.#wanted = undefined;
    if (this.#run !== undefined) {
      await terminate(this.#run, this.#program.stopLimitMs ?? 5000);
    }
  }

  /** Stops the program if it runs, starts it, and resolves when it is ready. */
  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  #spawn(): ChildRun {
    const { name, socketPath } = this.#program;
    if (socketPath !== undefined) {
      rmSync(socketPath, { force: true });
    }
    const run = runChild(this.#program, (line) => {
      if (this.#hold === undefined) {
        this.log(name, line);
      } else {
        this.#hold.push(line);
      }
    });
    this.#run = run;
    if (this.#isReleased) {
      run.release();
    }
    return run;
  }

  async #supervise(first: ChildRun, stopped: AbortSignal): Promise<void> {
    const { name } = this.#program;
    let run = first;
    let readySince: number | undefined = Date.now();
    for (;;) {
      const exit = await run.exited;
      if (stopped.aborted) {
        return;
      }
      const wasHealthy = readySince !== undefined && Date.now() - readySince >= healthyAfterMs;
      this.#ends = wasHealthy ? 1 : this.#ends + 1;
      const pauseMs = Math.min(firstPauseMs * 2 ** (this.#ends - 1), longestPauseMs);
      this.log(name, `ended with ${describeExit(exit)}; starting it again in ${pauseMs / 1000} s`);
      await delay(pauseMs, undefined, { signal: stopped }).catch(() => {});
      if (stopped.aborted) {
        return;
      }
      run = this.#spawn();
      readySince = undefined;
      void this.#awaitRecovery(run, stopped).then((since) => (readySince = since));
    }
  }

  /** Waits until the program is ready again. @returns milliseconds since the epoch; undefined if it ended before. */
  async #awaitRecovery(run: ChildRun, stopped: AbortSignal): Promise<number | undefined> {
    const { name, probe } = this.#program;
    if (!(await waitUntilReady(probe, AbortSignal.any([stopped, endOf(run)])))) {
      return undefined;
    }
    this.log(name, 'is ready again');
    return Date.now();
  }
}

function endOf(run: ChildRun): AbortSignal {
  const ended = new AbortController();
  void run.exited.then(() => ended.abort());
  return ended.signal;
}
