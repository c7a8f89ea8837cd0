import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { tie, tied } from '../../scripts/die-with-parent.mjs';

/** A program to run. */
export interface ChildCommand {
  readonly command: string;
  readonly args: readonly string[];
  /** Its whole environment. Nothing is inherited, because Ory's programs read any variable that matches their schema. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Makes a line of its output readable; undefined drops the line. */
  readonly readLine?: (line: string) => string | undefined;
  /** Whether its standard input stays open until `release`; by default it has none. */
  readonly isHeld?: boolean;
}

/** How a process ended. */
export interface ChildExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** One run of a program. */
export interface ChildRun {
  readonly pid: number | undefined;
  /** Resolves when the process has ended and its output has been read, or 500 ms after the end. */
  readonly exited: Promise<ChildExit>;
  readonly hasExited: () => boolean;
  /** The last lines of its output, oldest first. */
  readonly lastLines: () => readonly string[];
  readonly kill: (signal: NodeJS.Signals) => void;
  /** Ends the standard input of a program that is held. */
  readonly release: () => void;
}

const keptLines = 30;
const outputLimitMs = 500;
// Control characters other than a tab could forge lines and colours in the launcher's output.
// eslint-disable-next-line no-control-regex
const controlCharacters = /\u001b\[[\d;]*m|[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/g;

/** Starts a program and passes on its output line by line. The program is killed when this process ends, however it ends. */
export function runChild(program: ChildCommand, onLine: (line: string) => void = () => {}): ChildRun {
  const { command, args } = tied(program.command, program.args);
  const child = spawn(command, args, {
    env: program.env,
    cwd: program.cwd,
    stdio: [program.isHeld === true ? 'pipe' : 'ignore', 'pipe', 'pipe', 'pipe'],
    // In its own process group, so that Ctrl-C reaches only the launcher, which then stops its children in order.
    detached: true,
  });
  const lines: string[] = [];
  const keep = (line: string) => {
    const text = program.readLine === undefined ? line : program.readLine(line);
    const clean = text?.replace(controlCharacters, '').trimEnd() ?? '';
    if (clean !== '') {
      lines.push(clean);
      lines.splice(0, lines.length - keptLines);
      onLine(clean);
    }
  };
  let ended = false;
  const exited = new Promise<ChildExit>((resolve) => {
    const finish = (exit: ChildExit) => {
      ended = true;
      resolve(exit);
    };
    child.once('error', (error) => {
      keep(error.message);
      finish({ code: 127, signal: null });
    });
    const closed = new Promise<void>((done) => child.once('close', () => done()));
    child.once('exit', (code, signal) => {
      ended = true;
      // A grandchild may keep the output open.
      void Promise.race([closed, delay(outputLimitMs, undefined, { ref: false })]).then(() =>
        finish({ code, signal }),
      );
    });
  });
  // The program may end without having read it.
  child.stdin?.on('error', () => {});
  if (child.pid !== undefined) {
    tie(child);
    readLines(child.stdout, keep);
    readLines(child.stderr, keep);
  }
  return {
    pid: child.pid,
    exited,
    hasExited: () => ended,
    lastLines: () => lines,
    kill: (signal) => void (ended || child.kill(signal)),
    release: () => void child.stdin?.end(),
  };
}

/** Asks a process to end (SIGTERM), and kills it after `limitMs`. */
export async function terminate(run: ChildRun, limitMs: number): Promise<ChildExit> {
  run.kill('SIGTERM');
  // A suspended process handles SIGTERM only once it continues.
  run.kill('SIGCONT');
  const timer = setTimeout(() => run.kill('SIGKILL'), limitMs);
  try {
    return await run.exited;
  } finally {
    clearTimeout(timer);
  }
}

/** Describes how a process ended: `code 1` or `SIGKILL`. */
export function describeExit(exit: ChildExit): string {
  return exit.signal ?? `code ${exit.code}`;
}

function readLines(stream: Readable | null, onLine: (line: string) => void): void {
  if (stream !== null) {
    createInterface({ input: stream, crlfDelay: Infinity }).on('line', onLine);
  }
}
