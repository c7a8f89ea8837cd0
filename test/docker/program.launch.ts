import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readHealth } from '../support/health.js';

/** What a program is started with. */
export interface LaunchOptions {
  readonly cwd?: string;
  readonly env?: Record<string, string>;
  /** Another user than this process has. */
  readonly uid?: number;
  readonly gid?: number;
  /** Descriptors of files: a pipe couldn't be opened as /dev/stdout. */
  readonly stdout?: number;
  readonly stderr: number;
}

/** Starts a program. @returns what ends it. */
export function launch(
  program: string,
  args: readonly string[],
  options: LaunchOptions,
): () => Promise<void> {
  const { stdout = 'ignore', stderr, ...rest } = options;
  const child: ChildProcess = spawn(program, args, { ...rest, stdio: ['ignore', stdout, stderr] });
  return async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
  };
}

/** Whether a URL answers well. */
export async function answers(url: string): Promise<boolean> {
  return fetch(url).then(
    ({ ok }) => ok,
    () => false,
  );
}

/** What a gateway says of itself, or `down`. */
export async function health(url: string): Promise<unknown> {
  return readHealth(url).then(
    ({ status }) => status,
    () => 'down',
  );
}
